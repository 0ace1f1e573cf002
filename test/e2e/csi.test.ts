/** A CSI driver of its own on a node with real containers: what a pod writes, what the node measures, what is left. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { systemClock } from "#apimachinery";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { VolumeAttachments } from "#api/storage/v1/volumeattachment";
import { connect, type Connection } from "#cri";
import { openSession, type Session } from "../conformance/harness/session.ts";
import { CsiDriver } from "../csi/csi-driver.ts";
import { runSidecars } from "../csi/csi-sidecars.ts";
import { eventually, TestCluster } from "./harness.ts";
import { IMAGE } from "./pod-steps.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
const DRIVER = "f.csi.io";
/** Volumes are measured once a minute. */
const MEASURED_MS = 120_000;
const skip = process.geteuid?.() === 0 ? false : "needs root: real containers";

suite("CSI", { skip }, () => {
  let cluster: TestCluster;
  let session: Session | undefined;
  let driver: CsiDriver | undefined;
  let connection: Connection | undefined;
  let node = "";

  before(async () => {
    cluster = await TestCluster.prepare("e2ecsi");
    await cluster.k8ts("start");
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
    session = await openSession(readFileSync(join(cluster.home, "kubeconfig"), "utf8"));
    node = (await cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")).trim();
    const rootDir = join(cluster.home, "profiles", cluster.profile, "nodes", node, "kubelet");
    driver = new CsiDriver({ name: DRIVER, rootDir, dataDir: join(cluster.home, "csi-data") });
    connection = connect(driver.socketPath, systemClock);
    const { client, informers, signal } = session;
    const nodeId = `id-of-${DRIVER}`;
    runSidecars({ client, informers, driver: DRIVER, nodeId, connection, signal });
    for (const kind of [PersistentVolumeClaims, PersistentVolumes, VolumeAttachments] as const)
      informers.informer(kind as never);
    informers.start(signal);
    await driver.start();
    await cluster.apply({
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name: "csi" },
      provisioner: DRIVER,
      allowVolumeExpansion: true,
      volumeBindingMode: "Immediate",
    });
    await cluster.apply({
      apiVersion: "storage.k8s.io/v1",
      kind: "CSIDriver",
      metadata: { name: DRIVER },
      spec: {
        fsGroupPolicy: "File",
        podInfoOnMount: true,
        tokenRequests: [{ audience: "vault", expirationSeconds: 3600 }],
      },
    });
  });
  after(async () => {
    connection?.close();
    await session?.close();
    await driver?.[Symbol.asyncDispose]();
    await cluster?.destroy();
  });

  test("a pod writes to its volume, the node measures it, the driver comes and goes, and nothing is left", async () => {
    await cluster.apply({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "data" },
      spec: {
        accessModes: ["ReadWriteOnce"],
        storageClassName: "csi",
        resources: { requests: { storage: "1Gi" } },
      },
    });
    await cluster.apply({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "writer" },
      spec: {
        terminationGracePeriodSeconds: 1,
        securityContext: { fsGroup: 4321, runAsUser: 1001 },
        containers: [
          {
            name: "c",
            image: IMAGE,
            command: ["sh", "-c", "echo hello >/data/f; sleep 3600"],
            volumeMounts: [{ name: "data", mountPath: "/data" }],
          },
        ],
        volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }],
      },
    });
    await cluster.kubectl("wait", "--for=condition=Ready", "pod/writer", "--timeout=60s");
    const volume = (await cluster.kubectl("get", "pvc", "data", "-o", "jsonpath={.spec.volumeName}")).trim();
    const file = join(driver!.options.dataDir, volume, "f");
    await eventually("the file is there", async () => readFileSync(file, "utf8") === "hello\n" || undefined);
    assert.equal(await cluster.kubectl("exec", "writer", "--", "stat", "-c", "%g", "/data/f"), "4321\n");
    const published = driver!.last("NodePublishVolume");
    assert.equal(published.volumeContext["csi.storage.k8s.io/pod.name"], "writer");
    const tokens = JSON.parse(published.volumeContext["csi.storage.k8s.io/serviceAccount.tokens"]);
    assert.match(tokens.vault.token, /^ey/);

    const measured = await eventually(
      "the volume is measured",
      async () => {
        const summary = JSON.parse(
          await cluster.kubectl("get", "--raw", `/api/v1/nodes/${node}/proxy/stats/summary`),
        );
        const shown = summary.pods.find(
          ({ podRef }: { podRef: { name: string } }) => podRef.name === "writer",
        );
        return shown?.volume?.find(({ name }: { name: string }) => name === "data");
      },
      MEASURED_MS,
    );
    assert.deepEqual(measured.pvcRef, { name: "data", namespace: "default" });
    assert.equal(measured.capacityBytes, 2 ** 30);
    const metrics = await cluster.kubectl("get", "--raw", `/api/v1/nodes/${node}/proxy/metrics`);
    assert.match(
      metrics,
      /^kubelet_volume_stats_used_bytes\{namespace="default",persistentvolumeclaim="data"\} 4096$/m,
    );
    assert.match(
      metrics,
      /^csi_operations_seconds_count\{driver_name="f\.csi\.io",method_name="\/csi\.v1\.Node\/NodePublishVolume",grpc_status_code="OK",migrated="false"\} 1$/m,
    );

    // The driver crashes; the pod keeps what it has, and cannot go until the driver is back.
    await driver!.stop();
    writeFileSync(file, "still here\n");
    assert.equal(await cluster.kubectl("exec", "writer", "--", "cat", "/data/f"), "still here\n");
    await cluster.kubectl("delete", "pod", "writer", "--wait=false");
    await driver!.start();
    await cluster.kubectl("wait", "--for=delete", "pod/writer", "--timeout=60s");
    await eventually("nothing is attached", async () => {
      const left = await cluster.kubectl("get", "volumeattachments", "-o", "name");
      return left.trim() === "" || undefined;
    });
    const inUse = await cluster.kubectl("get", "node", node, "-o", "jsonpath={.status.volumesInUse}");
    assert.equal(inUse.trim(), "");
    await cluster.kubectl("delete", "pvc", "data");
    await eventually("the volume is gone", async () => {
      const left = await cluster.kubectl("get", "pv", "-o", "name");
      return left.trim() === "" || undefined;
    });
    assert.equal(driver!.last("DeleteVolume").volumeId, volume);
  });
});
