/** What the fields of a pod do to real containers: names, namespaces, groups, privileges, profiles, hooks, and their logs. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { TestCluster, eventually } from "./harness.ts";
import { IMAGE, STATUS, podSteps, sh } from "./pod-steps.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
const isRoot = process.geteuid?.() === 0;
const CONCURRENCY = 4;
const FOREVER = "sleep 3600";
const USER = 1000;
const LINES = 6000;

const CONFIG = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerLogMaxSize: 64Ki
containerLogMaxFiles: 12
containerLogMonitorInterval: 3s
`;
/** An image whose own groups hold its user. */
const DOCKERFILE = `FROM ${IMAGE}
COPY passwd group /etc/
`;
const MEMBER = "demo/member:1";
const NO_MKDIR = {
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }],
};

const skip = isRoot ? false : "needs root: real containers";
suite("pod settings", { skip, concurrency: CONCURRENCY }, () => {
  let cluster: TestCluster;
  let dir = "";
  const { pod, ready, phase, field, inside } = podSteps(() => cluster);
  const quick = { terminationGracePeriodSeconds: 1 };

  before(async () => {
    cluster = await TestCluster.prepare("e2esettings");
    const config = join(cluster.home, "kubelet.yaml");
    await writeFile(config, CONFIG);
    await cluster.k8ts("start", `--extra-config=kubelet.config=${config}`);
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
    const context = join(cluster.home, "member");
    mkdirSync(context);
    writeFileSync(join(context, "Dockerfile"), DOCKERFILE);
    writeFileSync(
      join(context, "passwd"),
      `root:x:0:0:root:/:/bin/sh\nmember:x:${USER}:${USER}::/:/bin/sh\n`,
    );
    writeFileSync(join(context, "group"), `root:x:0:\nmember:x:${USER}:\nextra:x:5000:member\n`);
    await cluster.k8ts("image", "build", "-t", MEMBER, context);
    const node = await cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}");
    dir = join(cluster.home, "profiles", cluster.profile, "nodes", node);
    mkdirSync(join(dir, "kubelet/seccomp"), { recursive: true });
    writeFileSync(join(dir, "kubelet/seccomp/no-mkdir.json"), JSON.stringify(NO_MKDIR));
  });
  after(() => cluster?.destroy());

  const rotated = (uid: string): readonly string[] => {
    const logs = join(dir, "pod-logs", `default_talks_${uid}`, "c");
    return readdirSync(logs)
      .toSorted((a, b) => (a === "0.log" ? 1 : b === "0.log" ? -1 : a < b ? -1 : 1))
      .map((name) => join(logs, name));
  };

  const groups = async (name: string): Promise<readonly string[]> =>
    (await inside(name, "c", "id -G")).trim().split(" ").toSorted();
  const effective = async (container: string): Promise<bigint> =>
    BigInt(`0x${(await inside("capable", container, "grep CapEff /proc/self/status | cut -f2")).trim()}`);

  test("logs are rotated at containerLogMaxSize, and who follows them misses nothing", async () => {
    const talk = `i=0; while [ $i -lt ${LINES} ]; do echo "line $i"; i=$((i+1)); [ $((i%200)) -ne 0 ] || sleep 0.3; done`;
    await pod("talks", {
      restartPolicy: "Never",
      containers: [
        sh("c", `echo begins; until test -e /tmp/go; do sleep 0.1; done; ${talk}; echo ends; ${FOREVER}`),
      ],
      ...quick,
    });
    await ready("talks");
    const follower = cluster.background("logs", "talks", "-f");
    let text = "";
    follower.stdout!.setEncoding("utf8").on("data", (part: string) => (text += part));
    try {
      await eventually("the first line", async () => (text === "begins\n" ? true : undefined));
      await inside("talks", "c", "touch /tmp/go");
      await eventually("the last line", async () => (text.endsWith("ends\n") ? true : undefined));
    } finally {
      follower.kill();
      await once(follower, "close");
    }
    const all = ["begins", ...Array.from({ length: LINES }, (_, i) => `line ${i}`), "ends", ""];
    assert.deepEqual(text.split("\n"), all);
    const files = rotated(await field("talks", "{.metadata.uid}"));
    assert.ok(files.length > 2, files.join());
    const onDisk = files.map((path) =>
      path.endsWith(".gz") ? gunzipSync(readFileSync(path)).toString() : readFileSync(path, "utf8"),
    );
    assert.deepEqual(
      onDisk
        .join("")
        .replaceAll(/^\S+ stdout F /gm, "")
        .split("\n"),
      all,
    );
    // as upstream, who does not follow gets what the newest file holds
    const newest = await cluster.kubectl("logs", "talks");
    assert.ok(newest.length < text.length && text.endsWith(newest));
  });

  test("setHostnameAsFQDN names a pod by its whole name", async () => {
    await pod("named", {
      ...quick,
      hostname: "one",
      subdomain: "two",
      setHostnameAsFQDN: true,
      containers: [sh("c", FOREVER)],
    });
    await ready("named");
    const fqdn = "one.two.default.svc.cluster.local";
    assert.equal(await inside("named", "c", "hostname; hostname -f"), `${fqdn}\n${fqdn}\n`);
    assert.match(
      await inside("named", "c", "cat /etc/hosts"),
      /\tone\.two\.default\.svc\.cluster\.local\tone$/m,
    );
  });

  test("shareProcessNamespace shows containers each other's processes, and the sandbox's as the first", async () => {
    await pod("shares", {
      ...quick,
      shareProcessNamespace: true,
      containers: [sh("a", "exec sleep 4321"), sh("b", FOREVER)],
    });
    await pod("apart", { ...quick, containers: [sh("a", "exec sleep 4321"), sh("b", FOREVER)] });
    await ready("shares");
    await ready("apart");
    const commands = "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done 2>/dev/null || true";
    const shared = await inside("shares", "b", commands);
    assert.match(shared, /^sleep 4321 $/m);
    assert.match(await inside("shares", "b", "tr '\\0' ' ' </proc/1/cmdline"), /pause/);
    assert.doesNotMatch(await inside("apart", "b", commands), /^sleep 4321 $/m);
  });

  test("supplementalGroups join the image's, or stand alone where the runtime can", async () => {
    const container = { ...sh("c", FOREVER), image: MEMBER };
    const context = { runAsUser: USER, runAsGroup: USER, fsGroup: 2000, supplementalGroups: [3000] };
    await pod("merged", { ...quick, securityContext: context, containers: [container] });
    const strict = { ...context, supplementalGroupsPolicy: "Strict" };
    await pod("strict", { ...quick, securityContext: strict, containers: [container] });
    await ready("merged");
    assert.deepEqual(await groups("merged"), ["1000", "2000", "3000", "5000"]);
    const path = "jsonpath={.items[0].status.features.supplementalGroupsPolicy}";
    if ((await cluster.kubectl("get", "nodes", "-o", path)) === "true") {
      await ready("strict");
      assert.deepEqual(await groups("strict"), ["1000", "2000", "3000"]);
    } else {
      await phase("strict", "Failed");
      assert.equal(await field("strict", "{.status.reason}"), "SupplementalGroupsPolicyNotSupported");
    }
  });

  test("capabilities are dropped and added as the container says", async () => {
    const drop = { drop: ["ALL"] };
    await pod("capable", {
      ...quick,
      containers: [
        sh("default", FOREVER),
        { ...sh("none", FOREVER), securityContext: { capabilities: drop } },
        { ...sh("one", FOREVER), securityContext: { capabilities: { ...drop, add: ["NET_BIND_SERVICE"] } } },
        { ...sh("fewer", FOREVER), securityContext: { capabilities: { drop: ["CHOWN"] } } },
      ],
    });
    await ready("capable");
    assert.equal(await effective("none"), 0n);
    assert.equal(await effective("one"), 1n << 10n);
    const all = await effective("default");
    assert.equal(all & 1n, 1n, "CHOWN is one of the runtime's own");
    assert.equal(await effective("fewer"), all - 1n);
  });

  test("seccomp profiles are in force: the runtime's, and one of the node", async () => {
    const under = (name: string, seccompProfile: object): object => ({
      ...sh(name, FOREVER),
      securityContext: { seccompProfile },
    });
    await pod("filtered", {
      ...quick,
      containers: [
        sh("free", FOREVER),
        under("runtime", { type: "RuntimeDefault" }),
        under("local", { type: "Localhost", localhostProfile: "no-mkdir.json" }),
      ],
    });
    await ready("filtered");
    const script = "grep '^Seccomp:' /proc/self/status | cut -f2; mkdir /tmp/made 2>&1 || true";
    assert.equal(await inside("filtered", "free", script), "0\n");
    assert.equal(await inside("filtered", "runtime", script), "2\n");
    assert.match(await inside("filtered", "local", script), /^2\n.*Operation not permitted\n$/);
  });

  test("a root file system is read-only if asked for, and /proc keeps its secrets", async () => {
    await pod("guarded", {
      ...quick,
      volumes: [{ name: "work", emptyDir: {} }],
      containers: [
        {
          ...sh("c", FOREVER),
          securityContext: { readOnlyRootFilesystem: true },
          volumeMounts: [{ name: "work", mountPath: "/work" }],
        },
      ],
    });
    await ready("guarded");
    const script = "echo x >/work/file && cat /work/file; (echo x >/file) 2>&1 || true";
    assert.match(await inside("guarded", "c", script), /^x\n.*Read-only file system\n$/);
    const masked = ["/proc/kcore", "/proc/keys", "/proc/timer_list"].filter((path) => existsSync(path));
    for (const path of masked)
      assert.equal(
        await inside("guarded", "c", `stat -c %F ${path}; wc -c <${path}`),
        "character special file\n0\n",
      );
    assert.match(await inside("guarded", "c", "grep ' /proc/sys ' /proc/mounts"), /^\S+ \/proc\/sys \S+ ro,/);
  });

  test("a preStop hook may just sleep", async () => {
    await pod("rests", {
      terminationGracePeriodSeconds: 60,
      containers: [
        {
          ...sh("c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"),
          lifecycle: { preStop: { sleep: { seconds: 3 } } },
        },
      ],
    });
    await ready("rests");
    const began = performance.now();
    await cluster.kubectl("delete", "pod", "rests");
    const tookMs = performance.now() - began;
    assert.ok(tookMs > 2_900 && tookMs < 50_000, `${tookMs} ms`);
  });

  test("a liveness probe's own grace period counts, not the pod's", async () => {
    const livenessProbe = { exec: { command: ["false"] }, periodSeconds: 1, failureThreshold: 1 };
    await pod("stubborn", {
      terminationGracePeriodSeconds: 600,
      containers: [
        {
          ...sh("c", "trap '' TERM; while :; do sleep 0.1; done"),
          livenessProbe: { ...livenessProbe, initialDelaySeconds: 1, terminationGracePeriodSeconds: 2 },
        },
      ],
    });
    await eventually("a restart", async () =>
      Number(await field("stubborn", `${STATUS}.restartCount}`)) > 0 ? true : undefined,
    );
    assert.equal(await field("stubborn", `${STATUS}.lastState.terminated.exitCode}`), "137");
    await cluster.kubectl("delete", "pod", "stubborn", "--now", "--wait=false");
  });
});
