import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "#apimachinery";
import { Nodes } from "#api/core/v1/node";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { Pods } from "#api/core/v1/pod";
import { VolumeAttachments } from "#api/storage/v1/volumeattachment";
import type { VolumeAttachment } from "#api/storage/v1/types.gen";
import { startCluster } from "./controllers-cluster.ts";

const WATCHED = [
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  VolumeAttachments,
] as unknown as Kind[];
const namespace = "default";
const NAME = "kubernetes.io/csi/d.example.com^h";

test("a CSI volume is attached to the pod's node, and detached after it", async () => {
  await using cluster = await startCluster(WATCHED);
  const { client, informers, signal } = cluster;
  const managed = { "volumes.kubernetes.io/controller-managed-attach-detach": "true" };
  const annotate = { type: "merge", body: { metadata: { annotations: managed } } } as const;
  await client.patch(Nodes, { name: "node-1" }, annotate, signal);
  const accessModes = ["ReadWriteOnce"];
  await client.create(
    PersistentVolumes,
    {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: "v" },
      spec: {
        capacity: { storage: "1Gi" },
        accessModes,
        storageClassName: "manual",
        csi: { driver: "d.example.com", volumeHandle: "h" },
      },
    },
    signal,
  );
  const spec = { accessModes, storageClassName: "manual", resources: { requests: { storage: "1Gi" } } };
  await client.create(
    PersistentVolumeClaims,
    { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "data", namespace }, spec },
    signal,
  );
  await client.create(
    Pods,
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", namespace },
      spec: {
        containers: [{ name: "c", image: "i" }],
        volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }],
      },
    },
    signal,
  );
  const attachments = (): readonly VolumeAttachment[] => informers.lister(VolumeAttachments).list();
  const attachment = await cluster.until("it is to be attached", WATCHED, () => attachments()[0]);
  assert.equal(attachment.spec.source.persistentVolumeName, "v");

  await client.updateStatus(VolumeAttachments, { ...attachment, status: { attached: true } }, signal);
  const reported = () => informers.lister(Nodes).get("node-1")?.status?.volumesAttached?.[0]?.name;
  await cluster.until("the node's status tells it", WATCHED, () => reported() === NAME);

  await client.delete(Pods, { namespace, name: "p" }, signal, { gracePeriodSeconds: 0 });
  await cluster.until("it is detached", WATCHED, () => attachments().length === 0);
  await cluster.until("the node's status tells no more of it", WATCHED, () => reported() === undefined);
});
