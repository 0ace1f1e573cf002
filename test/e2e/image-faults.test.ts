/** Registries that misbehave, images that lie, a disk that has no room for them, and what is thrown away to make room. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { FaultyRegistry } from "./faulty-registry.ts";
import { TestCluster, eventually, run } from "./harness.ts";

const PROFILE = "e2epull";
const NODE = `k8ts-${PROFILE}`;
const WEB = join(import.meta.dirname, "../../examples/web");
const MIB = 2 ** 20;
/** Of the disk that the node keeps its images on. */
const DISK_MIB = 64;
/** From 90 % of it on, images go until 85 % are in use. */
const GC = ["image-gc-high-threshold=90", "image-gc-low-threshold=85", "minimum-image-ttl-duration=0s"];
const isRoot = process.geteuid?.() === 0;
/** What a layer that breaks out would make on the machine. */
const ESCAPED = `k8ts-escaped-${process.pid}`;
const UP = "../".repeat(20);

suite("faulty images", { skip: isRoot ? false : "needs root: real containers" }, () => {
  let cluster: TestCluster;
  let registry: FaultyRegistry;
  let disk = "";

  before(async () => {
    cluster = await TestCluster.prepare(PROFILE);
    disk = join(cluster.home, "profiles", PROFILE, "nodes", NODE, "containerd");
    await mkdir(disk, { recursive: true });
    const mounted = await run(
      ["mount", "-t", "tmpfs", "-o", `size=${DISK_MIB}m`, "tmpfs", disk],
      process.env,
    );
    assert.equal(mounted.code, 0, mounted.stderr);
    await cluster.k8ts("start", ...GC.map((flag) => `--extra-config=kubelet.${flag}`));
    const address = `${(await cluster.k8ts("ip")).trim().replace(/\.\d+$/, ".1")}:5002`;
    await cluster.k8ts("start", `--insecure-registry=${address}`);
    registry = await FaultyRegistry.start(address, WEB, cluster.home);
    // the slow and the repeated go on beside the others
    for (const name of ["slow", "half", "busy", "stub", "forged", "locked", "silent"])
      await cluster.kubectl("run", name, `--image=${await registry.push(`${name}/web`)}`);
    const crashing = `--image=${await registry.push("plain/crashing")}`;
    await cluster.kubectl("run", "crashing", crashing, "--command", "--", "sh", "-c", "exit 1");
  });
  after(async () => {
    await registry?.stop();
    try {
      await cluster?.destroy();
    } finally {
      await run(["umount", "--lazy", disk], process.env);
    }
  });

  for (const [name, what] of [
    ["slow", "sends drop by drop"],
    ["half", "breaks off in the middle of a blob, once"],
  ] as const)
    test(`a registry that ${what} costs time alone`, () => ready(name));

  for (const [name, what, message] of [
    ["forged", "a blob that is not what its digest says", /unexpected commit digest|failed to verify/],
    ["stub", "a registry that always breaks off", /unexpected EOF|short read|failed to copy/],
    ["locked", "a registry that answers 401 without saying whom it would believe", /401 Unauthorized/],
    ["busy", "a registry that answers 429 and goes on to", /429 Too Many Requests/],
  ] as const)
    test(`${what}: the pod does not run, and its events say why`, async () => {
      await eventually(`the failure of ${name}`, async () =>
        message.test(await cluster.kubectl("describe", "pod", name)) ? true : undefined,
      ).catch(async (cause: unknown) => {
        throw new Error(await cluster.kubectl("describe", "pod", name), { cause });
      });
      // the status follows the event
      await eventually(`${name} waits for its image`, async () =>
        /^(?:ErrImagePull|ImagePullBackOff)$/.test(await waiting(name)) ? true : undefined,
      );
    });

  test("a registry that answered 429 has calmed down", () => registry.calmDown());

  test("a pod whose image never comes is deleted at once", async () => {
    await eventually("the pull", async () =>
      (await cluster.kubectl("describe", "pod", "silent")).includes("Pulling image") ? true : undefined,
    );
    await cluster.kubectl("delete", "pod", "silent", "--grace-period=1", "--timeout=60s");
  });

  for (const [name, members] of [
    ["a path that leads up", [{ name: `${UP}tmp/${ESCAPED}` }]],
    ["an absolute path", [{ name: `/../..${"/..".repeat(20)}/tmp/${ESCAPED}` }]],
    [
      "a link out of the root, and a file through it",
      [{ name: "out", type: "symlink", linkname: `${UP}tmp` }, { name: `out/${ESCAPED}` }],
    ],
    [
      "an absolute link, and a file through it",
      [{ name: "out", type: "symlink", linkname: "/tmp" }, { name: `out/${ESCAPED}` }],
    ],
    [
      "a hard link to a file of the machine",
      [{ name: "stolen", type: "link", linkname: `${UP}etc/hostname` }],
    ],
  ] as const)
    test(`a layer with ${name} stays within its container`, async () => {
      const pod = `hostile-${name.replaceAll(/\W+/g, "-")}`.slice(0, 60).replace(/-$/, "");
      const image = await registry.pushHostile(`plain/${pod}`, members);
      await cluster.kubectl("run", pod, `--image=${image}`);
      // refused, or unpacked to where it belongs
      const state = await eventually("an end of the pull", async () => {
        const reason = await waiting(pod);
        if (/ErrImagePull|ImagePullBackOff/.test(reason)) return "refused";
        const phase = await cluster.kubectl("get", "pod", pod, "-o", "jsonpath={.status.phase}");
        return phase === "Running" ? "runs" : undefined;
      });
      assert.equal(existsSync(join("/tmp", ESCAPED)), false);
      if (state === "runs") {
        // what is the machine's is not there; the end of the line tells that somebody looked
        const look = "cat /stolen 2>/dev/null; echo looked";
        assert.equal(await cluster.kubectl("exec", pod, "--", "sh", "-c", look), "looked\n");
      }
      await cluster.kubectl("delete", "pod", pod, "--now");
    });

  test("an image that the disk has no room for: the pod says so, others go on, and it runs when there is room", async () => {
    const filler = join(disk, "filler");
    const large = await registry.pushLarge("plain/large", 12 * MIB);
    assert.equal((await run(["dd", "if=/dev/zero", `of=${filler}`, "bs=1M"], process.env)).code, 1);
    await cluster.kubectl("run", "large", `--image=${large}`);
    await eventually("the failure", async () =>
      (await cluster.kubectl("describe", "pod", "large")).includes("no space left on device")
        ? true
        : undefined,
    );
    assert.equal(await cluster.kubectl("exec", "slow", "--", "echo", "here"), "here\n");
    await run(["rm", filler], process.env);
    await ready("large");
  });

  test("the pod of the registry that has calmed down runs", () => ready("busy"));

  test("of a container that fails again and again only the last end is kept", async () => {
    const restarts = "jsonpath={.status.containerStatuses[0].restartCount}";
    await eventually("restarts", async () =>
      Number(await cluster.kubectl("get", "pod", "crashing", "-o", restarts)) >= 2 ? true : undefined,
    );
    const filter = 'labels."io.kubernetes.pod.name"==crashing,labels."io.cri-containerd.kind"==container';
    const kept = await eventually("a look between two restarts", async () => {
      const ids = await ctr("containers", "list", "-q", filter);
      return ids.length <= 1 ? ids : undefined;
    });
    assert.equal(kept.length, 1);
  });

  test("a disk that is full: all unused images go, those in use stay, and that it was not enough is told", async () => {
    const inUse = await used();
    assert.ok(inUse.length >= 2, inUse.join());
    await fillUp(MIB / 2);
    await newKubelet();
    await eventually("no unused image", async () =>
      (await images()).length === inUse.length ? true : undefined,
    );
    assert.deepEqual(await images(), inUse);
    const told =
      /FreeDiskSpaceFailed: Insufficient free disk space on the node's image filesystem \((?:9\d|100)% of 64\.0 MiB used\)\. Failed to free sufficient space by deleting unused images \(freed \d+ bytes\)\. /;
    await eventually("the event", async () => {
      const path = "jsonpath={range .items[*]}{.reason}: {.message}{'\\n'}{end}";
      const ofNode = ["--field-selector", "involvedObject.kind=Node", "-o", path];
      return told.test(await cluster.kubectl("get", "events", ...ofNode)) ? true : undefined;
    });
    await rm(join(disk, "filler"));
    assert.equal(await cluster.kubectl("exec", "large", "--", "echo", "here"), "here\n");
  });

  test("a disk that fills up: unused images go until enough is free, and no more", async () => {
    for (const name of ["one", "two"]) {
      const image = await registry.pushLarge(`plain/unused-${name}`, 5 * MIB);
      await cluster.kubectl("run", name, `--image=${image}`);
      await ready(name);
    }
    await cluster.kubectl("delete", "pod", "one", "two", "--now", "--timeout=60s");
    assert.equal(await unused(), 2);
    await fillUp(5 * MIB);
    await newKubelet();
    await eventually("fewer images", async () => ((await unused()) < 2 ? true : undefined));
    const path = `/api/v1/nodes/${NODE}/proxy/metrics`;
    const metrics = await eventually("the count", async () => {
      const text = await cluster.kubectl("get", "--raw", path);
      return /^kubelet_image_garbage_collected_total\{reason="space"\} [1-9]/m.test(text) ? text : undefined;
    });
    assert.match(metrics, /^kubelet_image_garbage_collected_total\{reason="space"\} 1$/m);
    assert.equal(await unused(), 1);
    await rm(join(disk, "filler"));
  });

  /** Leaves so much. */
  async function fillUp(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(disk);
    const count = Math.floor((bavail * bsize - bytes) / 65_536);
    const made = await run(
      ["dd", "if=/dev/zero", `of=${join(disk, "filler")}`, "bs=64K", `count=${count}`],
      process.env,
    );
    assert.equal(made.code, 0, made.stderr);
  }

  /** It looks at the disk when it starts, and every five minutes. */
  async function newKubelet(): Promise<void> {
    const file = join(cluster.home, "profiles", PROFILE, "pids", `${NODE}.agent.child.pid`);
    const pid = Number(readFileSync(file, "utf8"));
    process.kill(pid, "SIGKILL");
    await eventually("a new kubelet", async () =>
      [0, pid].includes(Number(readFileSync(file, "utf8"))) ? undefined : true,
    );
  }

  async function used(): Promise<readonly string[]> {
    const path = "jsonpath={.items[*].spec.containers[0].image}";
    const names = (await cluster.kubectl("get", "pods", "-o", path)).split(" ");
    return (await images()).filter((image) => names.includes(image));
  }

  async function ready(name: string): Promise<void> {
    await cluster
      .kubectl("wait", "--for=condition=Ready", `pod/${name}`, "--timeout=60s")
      .catch(async (cause: unknown) => {
        throw new Error(await cluster.kubectl("describe", "pod", name), { cause });
      });
  }

  function waiting(name: string): Promise<string> {
    const path = "jsonpath={.status.containerStatuses[0].state.waiting.reason}";
    return cluster.kubectl("get", "pod", name, "-o", path);
  }
});

/** By the names that pods use. */
async function images(): Promise<readonly string[]> {
  const names = await ctr("images", "list", "-q");
  return names.filter((name) => name.includes(":5002/") && !name.includes("@"));
}

async function ctr(...args: readonly string[]): Promise<readonly string[]> {
  const socket = `/run/k8ts/${PROFILE}/${NODE}/containerd.sock`;
  const { code, stdout, stderr } = await run(
    ["ctr", "--address", socket, "-n", "k8s.io", ...args],
    process.env,
  );
  assert.equal(code, 0, stderr);
  return stdout.split("\n").filter((line) => line !== "");
}

async function unused(): Promise<number> {
  return (await images()).filter((name) => name.includes("unused")).length;
}
