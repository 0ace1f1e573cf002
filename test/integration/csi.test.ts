import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Nodes } from "#api/core/v1/node";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { Pods } from "#api/core/v1/pod";
import { CSINodes } from "#api/storage/v1/csinode";
import { VolumeAttachments } from "#api/storage/v1/volumeattachment";
import { type CsiCluster, DRIVER, NODE, startCsiCluster } from "./csi-cluster.ts";

const namespace = "default";
const options = { skip: process.getuid?.() === 0 ? false : "mounting needs root" };

const isRunning = ({ informers }: CsiCluster, name: string): boolean =>
  informers.lister(Pods).get(`${namespace}/${name}`)?.status?.phase === "Running";

async function gone(cluster: CsiCluster, name: string): Promise<void> {
  const { client, signal, informers } = cluster;
  await client.delete(Pods, { namespace, name }, signal);
  await cluster.until(
    `the pod ${name} is gone`,
    () => informers.lister(Pods).get(`${namespace}/${name}`) === undefined,
  );
}

const node = ({ informers }: CsiCluster) => informers.lister(Nodes).get(NODE);

test("a driver is registered, and the node's objects tell of it", options, async () => {
  await using cluster = await startCsiCluster({ topology: { "example.com/rack": "r1" }, maxVolumes: 7 });
  await cluster.until(
    "the CSINode is there",
    () => cluster.informers.lister(CSINodes).get(NODE) !== undefined,
  );
  await cluster.driver.start();
  const drivers = (): unknown => cluster.informers.lister(CSINodes).get(NODE)?.spec.drivers;
  await cluster.until(
    "the CSINode has the driver",
    () => (drivers() as readonly unknown[] | undefined)?.length === 1,
  );
  const nodeID = `id-of-${DRIVER}`;
  assert.deepEqual(drivers(), [
    { name: DRIVER, nodeID, topologyKeys: ["example.com/rack"], allocatable: { count: 7 } },
  ]);
  await cluster.until(
    "the node is labelled",
    () => node(cluster)?.metadata.labels?.["example.com/rack"] === "r1",
  );
  const annotation = node(cluster)?.metadata.annotations?.["csi.volume.kubernetes.io/nodeid"];
  assert.equal(annotation, JSON.stringify({ [DRIVER]: nodeID }));
  await cluster.until("the driver hears of it", () => cluster.driver.isRegistered);
  await cluster.driver.stop();
  await cluster.until("the driver is taken back", () => (drivers() as readonly unknown[]).length === 0);
});

test(
  "a claim is provisioned, attached, staged, published, written, expanded, and all of it undone",
  options,
  async () => {
    await using cluster = await startCsiCluster();
    const { client, signal, driver, rootDir, informers } = cluster;
    await driver.start();
    await cluster.createDriver({ podInfoOnMount: true, fsGroupPolicy: "File" });
    await cluster.createClaim("data");
    const pod = await cluster.createPod("p", { securityContext: { fsGroup: 4321 } });
    await cluster.until("the pod runs", () => isRunning(cluster, "p"));
    const claim = await client.get(PersistentVolumeClaims, { namespace, name: "data" }, signal);
    const name = claim.spec?.volumeName ?? "";
    const unique = `kubernetes.io/csi/${DRIVER}^${name}`;
    assert.deepEqual(node(cluster)?.status?.volumesInUse, [unique]);

    const staged = driver.last("NodeStageVolume");
    assert.deepEqual(staged.publishContext, { attachedTo: `id-of-${DRIVER}` });
    assert.deepEqual(staged.volumeCapability.accessMode, { mode: "SINGLE_NODE_WRITER" });
    const published = driver.last("NodePublishVolume");
    assert.equal(published.stagingTargetPath, staged.stagingTargetPath);
    assert.equal(published.volumeContext["csi.storage.k8s.io/pod.name"], "p");
    assert.equal(published.volumeContext["csi.storage.k8s.io/ephemeral"], "false");
    const folder = join(rootDir, "pods", pod.metadata.uid!, "volumes/kubernetes.io~csi", name);
    assert.equal(published.targetPath, join(folder, "mount"));
    const data = JSON.parse(readFileSync(join(folder, "vol_data.json"), "utf8"));
    assert.equal(data.volumeHandle, name);
    assert.equal(data.driverName, DRIVER);
    writeFileSync(join(folder, "mount", "hello"), "world");
    assert.equal(readFileSync(join(driver.options.dataDir, name, "hello"), "utf8"), "world");

    const larger = { spec: { resources: { requests: { storage: "2Gi" } } } };
    await client.patch(
      PersistentVolumeClaims,
      { namespace, name: "data" },
      { type: "merge", body: larger },
      signal,
    );
    await cluster.until(
      "the volume is larger",
      () => informers.lister(PersistentVolumes).get(name)?.spec?.capacity?.["storage"] === "2Gi",
    );
    await cluster.until(
      "its claim waits for the node",
      () =>
        informers.lister(PersistentVolumeClaims).get(`${namespace}/data`)?.status
          ?.allocatedResourceStatuses?.["storage"] === "NodeResizePending",
    );
    // A change of the pod is looked at at once; without one it takes a minute.
    const touch = { metadata: { annotations: { touched: "yes" } } };
    await client.patch(Pods, { namespace, name: "p" }, { type: "merge", body: touch }, signal);
    const expanded = await cluster.until("the claim has its size", () => {
      const found = informers.lister(PersistentVolumeClaims).get(`${namespace}/data`);
      return found?.status?.capacity?.["storage"] === "2Gi" && found;
    });
    assert.deepEqual(expanded.status?.conditions ?? [], []);
    assert.equal(expanded.status?.allocatedResourceStatuses?.["storage"], undefined);
    assert.equal(driver.last("NodeExpandVolume").capacityRange.requiredBytes, 2 * 2 ** 30);
    await cluster.until("the pod hears of it", () =>
      cluster
        .events("p")
        .some((text) =>
          text.startsWith("FileSystemResizeSuccessful: MountVolume.NodeExpandVolume succeeded"),
        ),
    );

    await gone(cluster, "p");
    await cluster.until("nothing is in use", () => (node(cluster)?.status?.volumesInUse ?? []).length === 0);
    await cluster.until("nothing is attached", () => informers.lister(VolumeAttachments).list().length === 0);
    assert.deepEqual([driver.count("NodeUnpublishVolume"), driver.count("NodeUnstageVolume")], [1, 1]);
    assert.equal(existsSync(join(rootDir, "pods", pod.metadata.uid!)), false);
    assert.deepEqual(readdirSync(join(rootDir, "plugins/kubernetes.io/csi", DRIVER)), []);
    await client.delete(PersistentVolumeClaims, { namespace, name: "data" }, signal);
    await cluster.until(
      "the volume is gone",
      () => informers.lister(PersistentVolumes).get(name) === undefined,
    );
  },
);

test("a pod waits for a driver that is not there, and starts when it comes", options, async () => {
  await using cluster = await startCsiCluster();
  await cluster.createDriver({ attachRequired: false });
  await cluster.driver.start();
  await cluster.createClaim("data");
  await cluster.until(
    "the claim is bound",
    () => cluster.informers.lister(PersistentVolumes).list().length === 1,
  );
  await cluster.driver.stop();
  await cluster.createPod("p", {});
  const [message] = await cluster.until("the pod hears why", () => {
    const found = cluster.events("p").filter((text) => text.includes("not found in the list"));
    return found.length > 0 && found;
  });
  const name = cluster.informers.lister(PersistentVolumes).list()[0]!.metadata.name;
  assert.equal(
    message,
    `FailedMount: MountVolume.MountDevice failed for volume "${name}" : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name ${DRIVER} not found in the list of registered CSI drivers`,
  );
  await cluster.driver.start();
  await cluster.until("the pod runs", () => isRunning(cluster, "p"));
  await gone(cluster, "p");
});

test("a driver's errors are told, and a slow answer is waited for", options, async () => {
  await using cluster = await startCsiCluster();
  await cluster.createDriver({ attachRequired: false });
  await cluster.driver.start();
  await cluster.createClaim("data");
  const slow = Promise.withResolvers<void>();
  cluster.driver.fail("NodePublishVolume", { code: "INTERNAL", message: "the disk is on fire" });
  cluster.driver.fail("NodePublishVolume", { until: slow.promise });
  await cluster.createPod("p", {});
  await cluster.until("the pod hears why", () =>
    cluster
      .events("p")
      .some((text) => text.endsWith('" : rpc error: code = Internal desc = the disk is on fire')),
  );
  await cluster.until(
    "the second call waits",
    () => cluster.driver.count("NodePublishVolume") === 2 || undefined,
  );
  assert.equal(isRunning(cluster, "p"), false);
  slow.resolve();
  await cluster.until("the pod runs", () => isRunning(cluster, "p"));
  // Staged once, though published twice.
  assert.equal(cluster.driver.count("NodeStageVolume"), 1);
  await gone(cluster, "p");
});

test(
  "a kubelet that was restarted finds its volumes, also those of pods that went meanwhile",
  options,
  async () => {
    await using cluster = await startCsiCluster();
    const { client, signal, driver, rootDir } = cluster;
    await driver.start();
    await cluster.createDriver({ attachRequired: true });
    await cluster.createClaim("data");
    const pod = await cluster.createPod("p", {});
    await cluster.until("the pod runs", () => isRunning(cluster, "p"));
    await cluster.stopKubelet();
    await client.delete(Pods, { namespace, name: "p" }, signal, { gracePeriodSeconds: 0 });
    // The driver comes later than kubelet.
    await driver.stop();
    cluster.startKubelet();
    await cluster.until("the node is ready", () => node(cluster)?.status?.volumesInUse?.length === 1);
    assert.equal(existsSync(join(rootDir, "pods", pod.metadata.uid!)), true);
    await driver.start();
    await cluster.until(
      "nothing is attached",
      () => cluster.informers.lister(VolumeAttachments).list().length === 0,
    );
    assert.equal(existsSync(join(rootDir, "pods", pod.metadata.uid!)), false);
    assert.deepEqual([driver.count("NodeUnpublishVolume"), driver.count("NodeUnstageVolume")], [1, 1]);
  },
);

test("an inline volume lives with its pod, whose name the driver hears", options, async () => {
  await using cluster = await startCsiCluster({ nodeCapabilities: [] });
  const { driver } = cluster;
  await driver.start();
  const csi = { driver: DRIVER, volumeAttributes: { a: "b" }, readOnly: true };
  const refused = await cluster.createPod("early", { volumes: [{ name: "data", csi }] });
  await cluster.until("it is refused without an object", () =>
    cluster.events(refused.metadata.name).some((text) => text.endsWith("(no CSIDriver object)")),
  );
  await cluster.createDriver({
    attachRequired: false,
    podInfoOnMount: true,
    volumeLifecycleModes: ["Ephemeral"],
  });
  await cluster.until("the pod runs", () => isRunning(cluster, "early"));
  const { volumeContext, volumeId, readonly } = driver.last("NodePublishVolume");
  assert.match(volumeId, /^csi-[0-9a-f]{64}$/);
  assert.equal(readonly, true);
  assert.equal(volumeContext["csi.storage.k8s.io/ephemeral"], "true");
  assert.equal(volumeContext.a, "b");
  assert.equal(driver.count("NodeStageVolume"), 0);
  await gone(cluster, "early");
  assert.equal(driver.count("NodeUnpublishVolume"), 1);
});

test("a raw volume is handed to the container as a device", options, async () => {
  await using cluster = await startCsiCluster();
  const { driver, rootDir, client, signal } = cluster;
  await driver.start();
  await cluster.createDriver({});
  await cluster.createClaim("data", "Block");
  const container = { name: "c", image: "i", volumeDevices: [{ name: "data", devicePath: "/dev/xvda" }] };
  const pod = await cluster.createPod("p", { containers: [container] });
  await cluster.until("the pod runs", () => isRunning(cluster, "p"));
  const { targetPath, volumeCapability } = driver.last("NodePublishVolume");
  assert.deepEqual(volumeCapability.block, {});
  const name = (await client.get(PersistentVolumeClaims, { namespace, name: "data" }, signal)).spec
    ?.volumeName;
  const base = join(rootDir, "plugins/kubernetes.io/csi/volumeDevices");
  assert.equal(targetPath, join(base, "publish", name!, pod.metadata.uid!));
  await gone(cluster, "p");
  await cluster.until(
    "nothing is attached",
    () => cluster.informers.lister(VolumeAttachments).list().length === 0,
  );
  assert.equal(existsSync(join(base, name!)), false);
});
