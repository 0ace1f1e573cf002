/** What pods find in their volumes, with real containers: the default class, groups, modes, propagation, limits. */
import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { LOCAL_PATH_ROOT } from "#api/core/v1/local-path-volumes";
import { TestCluster, eventually } from "./harness.ts";
import { IMAGE, podSteps, sh } from "./pod-steps.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
const isRoot = process.geteuid?.() === 0;
const CONCURRENCY = 4;
/** Volumes are measured once a minute, and what was measured is looked at every 10 s. */
const EVICTED_WITHIN_MS = 120_000;
/** What a kubelet could not remove at once it tries again a minute later. */
const REMOVED_WITHIN_MS = 120_000;
const USER = 1000;
const GROUP = 2000;

const FOREVER = "sleep 3600";
const claimed = (claimName: string, name = "data"): object => ({
  name,
  persistentVolumeClaim: { claimName },
});
const mounted = (name: string): object => ({ name, mountPath: `/${name}` });
const writes = (paths: string): object => sh("c", `for p in ${paths}; do echo new >$p/new; done; ${FOREVER}`);
const spreads = (mountPropagation: string): object => ({
  volumeMounts: [{ ...mounted("data"), mountPropagation }],
});
const data = [mounted("data")];
const oneGibibyte = { resources: { requests: { storage: "1Gi" } } };

const skip = isRoot ? false : "needs root: real containers";
suite("volumes", { skip, concurrency: CONCURRENCY }, () => {
  let cluster: TestCluster;
  let node = "";
  const { pod, ready, phase, field, inside } = podSteps(() => cluster);

  before(async () => {
    cluster = await TestCluster.prepare("e2evolumes");
    await cluster.k8ts("start");
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
    node = await cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}");
  });
  after(async () => cluster?.destroy());

  const claim = (name: string, spec: object): Promise<string> =>
    cluster.apply({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name, namespace: "default" },
      spec: { accessModes: ["ReadWriteOnce"], ...oneGibibyte, ...spec },
    });
  const isGone = (kind: string, name: string): Promise<true> =>
    eventually(`the end of ${kind} ${name}`, async () => {
      const { stderr } = await cluster.tryKubectl(["get", kind, name]);
      return stderr.includes("NotFound") ? true : undefined;
    });
  const volumeOf = (name: string): Promise<string> =>
    cluster.kubectl("get", "pvc", name, "-o", "jsonpath={.spec.volumeName}");

  /** A folder of the node as a persistent volume, with a file of root alone; `mode` and `gid` are the folder's. */
  const localVolume = async (name: string, mode: number, gid: number): Promise<string> => {
    const path = join(cluster.home, name);
    mkdirSync(path);
    writeFileSync(join(path, "file"), "old\n", { mode: 0o600 });
    chownSync(path, 0, gid);
    chmodSync(path, mode);
    const only = { key: "kubernetes.io/hostname", operator: "In", values: [node] };
    await cluster.apply({
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name },
      spec: {
        capacity: { storage: "1Gi" },
        accessModes: ["ReadWriteOnce"],
        storageClassName: "folders",
        local: { path },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [only] }] } },
      },
    });
    await claim(name, { storageClassName: "folders", volumeName: name });
    return path;
  };
  test("an emptyDir over its sizeLimit has its pod evicted", async () => {
    await pod("oversized", {
      terminationGracePeriodSeconds: 1,
      volumes: [{ name: "data", emptyDir: { sizeLimit: "1Mi" } }],
      containers: [{ ...sh("c", `head -c 3000000 /dev/zero >/data/file; ${FOREVER}`), volumeMounts: data }],
    });
    await eventually(
      "the eviction",
      async () => ((await field("oversized", "{.status.phase}")) === "Failed" ? true : undefined),
      EVICTED_WITHIN_MS,
    );
    assert.equal(await field("oversized", "{.status.reason}"), "Evicted");
    assert.equal(
      await field("oversized", "{.status.message}"),
      'Usage of EmptyDir volume "data" exceeds the limit "1Mi". ',
    );
  });

  test("a claim of the default class gets a volume that outlives its pods and goes with it", async () => {
    await claim("kept", {});
    const spec = { restartPolicy: "Never", securityContext: { runAsUser: USER }, volumes: [claimed("kept")] };
    await pod("writes", {
      ...spec,
      containers: [{ ...sh("c", "echo kept >/data/file"), volumeMounts: data }],
    });
    await phase("writes", "Succeeded");
    const volume = await volumeOf("kept");
    await cluster.kubectl("delete", "pod", "writes");
    await pod("reads", { ...spec, containers: [{ ...sh("c", "cat /data/file"), volumeMounts: data }] });
    await phase("reads", "Succeeded");
    assert.equal(await cluster.kubectl("logs", "reads"), "kept\n");
    assert.ok(existsSync(join(LOCAL_PATH_ROOT, volume, "file")));
    const path = "jsonpath={.spec.storageClassName} {.spec.claimRef.name} {.status.phase}";
    assert.equal(await cluster.kubectl("get", "pv", volume, "-o", path), "standard kept Bound");
    await cluster.kubectl("delete", "pvc", "kept", "--wait=false");
    // who uses it, even after its end, holds it
    assert.notEqual(await cluster.kubectl("get", "pvc", "kept", "-o", "jsonpath={.metadata.finalizers}"), "");
    await cluster.kubectl("delete", "pod", "reads");
    await isGone("pvc", "kept");
    await isGone("pv", volume);
    // the node is told of it, though it may not see the volume
    await eventually(
      "the end of the folder",
      async () => (existsSync(join(LOCAL_PATH_ROOT, volume)) ? undefined : true),
      REMOVED_WITHIN_MS,
    );
    await eventually("the node's word of it", async () => {
      const annotations = await cluster.kubectl(
        "get",
        "node",
        node,
        "-o",
        "jsonpath={.metadata.annotations}",
      );
      return annotations.includes(volume) ? undefined : true;
    });
  });

  test("a generic ephemeral volume comes and goes with its pod", async () => {
    const template = { spec: { accessModes: ["ReadWriteOnce"], ...oneGibibyte } };
    await pod("scratch", {
      terminationGracePeriodSeconds: 1,
      securityContext: { runAsUser: USER },
      volumes: [{ name: "data", ephemeral: { volumeClaimTemplate: template } }],
      containers: [{ ...sh("c", `echo here >/data/file; ${FOREVER}`), volumeMounts: data }],
    });
    await ready("scratch");
    const volume = await volumeOf("scratch-data");
    assert.equal(
      await inside("scratch", "c", "until cat /data/file 2>/dev/null; do sleep 0.1; done"),
      "here\n",
    );
    await cluster.kubectl("delete", "pod", "scratch");
    await isGone("pvc", "scratch-data");
    await isGone("pv", volume);
  });

  test("fsGroup gets a persistent volume whole, or as fsGroupChangePolicy says", async () => {
    const always = await localVolume("always", 0o2770, GROUP);
    const fits = await localVolume("fits", 0o2770, GROUP);
    const other = await localVolume("other", 0o755, 0);
    const asUser = { runAsUser: USER, fsGroup: GROUP };
    await Promise.all([
      pod("group-always", {
        terminationGracePeriodSeconds: 1,
        securityContext: { ...asUser, fsGroupChangePolicy: "Always" },
        volumes: [claimed("always", "always")],
        containers: [{ ...writes("/always"), volumeMounts: [mounted("always")] }],
      }),
      pod("group-mismatch", {
        terminationGracePeriodSeconds: 1,
        securityContext: { ...asUser, fsGroupChangePolicy: "OnRootMismatch" },
        volumes: [claimed("fits", "fits"), claimed("other", "other")],
        containers: [{ ...writes("/fits /other"), volumeMounts: [mounted("fits"), mounted("other")] }],
      }),
    ]);
    await Promise.all([ready("group-always"), ready("group-mismatch")]);
    assert.equal(shownAs(join(always, "file")), `${GROUP} 660`);
    assert.equal(shownAs(join(fits, "file")), "0 600", "what is in a folder that fits is left alone");
    assert.equal(shownAs(join(other, "file")), `${GROUP} 660`);
    assert.equal(shownAs(other), `${GROUP} 2775`);
    for (const path of [always, fits, other]) {
      const written = join(path, "new");
      await eventually(written, async () => (existsSync(written) ? true : undefined));
      assert.equal(shownAs(written), `${GROUP} 644`, "new files inherit the group");
    }
  });

  test("a folder for a subPath that was missing may be written by who may write to the volume", async () => {
    await pod("subpath", {
      terminationGracePeriodSeconds: 1,
      securityContext: { runAsUser: USER, runAsGroup: USER },
      volumes: [{ name: "data", emptyDir: {} }],
      containers: [
        {
          ...sh("c", FOREVER),
          volumeMounts: [...data, { name: "data", mountPath: "/deep", subPath: "made/deep" }],
        },
      ],
    });
    await ready("subpath");
    const script =
      "stat -c %a /data /data/made /data/made/deep; echo x >/deep/file; cat /data/made/deep/file";
    assert.equal(await inside("subpath", "c", script), "777\n777\n777\nx\n");
  });

  test("mounts reach the containers that ask for them, from a privileged one too", async () => {
    await pod("propagation", {
      terminationGracePeriodSeconds: 1,
      volumes: [{ name: "data", emptyDir: {} }],
      containers: [
        { ...sh("mounts", FOREVER), ...spreads("Bidirectional"), securityContext: { privileged: true } },
        { ...sh("sees", FOREVER), ...spreads("HostToContainer") },
        { ...sh("alone", FOREVER), ...spreads("None") },
      ],
    });
    await ready("propagation");
    const script = "mkdir /data/inner && busybox mount -t tmpfs tmpfs /data/inner && touch /data/inner/file";
    await inside("propagation", "mounts", script);
    assert.equal(await inside("propagation", "sees", "ls /data/inner"), "file\n");
    assert.equal(await inside("propagation", "alone", "ls /data/inner"), "");
    // what it has mounted goes with its pod: the leak checker looks for it
    await cluster.kubectl("delete", "pod", "propagation");
  });
});

/** Group and mode. */
function shownAs(path: string): string {
  const { gid, mode } = statSync(path);
  return `${gid} ${(mode & 0o7777).toString(8)}`;
}
