/** Volumes and claims as objects: made, found, bound, changed, kept while they are needed, removed. */
import assert from "node:assert/strict";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import { isInvalid, isNotFound } from "#apimachinery";
import { conformance, type ConformanceContext } from "../harness/index.ts";

const SUITE = "[sig-storage] PersistentVolumes CSI Conformance should";

/** Of a class that only this test knows: nothing else binds to it. */
function newVolume({ unique }: ConformanceContext, className: string): PersistentVolume {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: unique, labels: { "made-by": unique } },
    spec: {
      capacity: { storage: "2Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      storageClassName: className,
      csi: { driver: "none.example.com", volumeHandle: unique },
    },
  };
}

function newClaim({ unique, namespace }: ConformanceContext, className: string): PersistentVolumeClaim {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "claim", namespace, labels: { "made-by": unique } },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "1Gi" } },
      storageClassName: className,
    },
  };
}

async function createVolume(t: ConformanceContext, className: string): Promise<PersistentVolume> {
  t.cleanup((undoing) => t.client.delete(PersistentVolumes, { name: t.unique }, undoing));
  return t.client.create(PersistentVolumes, newVolume(t, className), t.signal);
}

conformance(`${SUITE} run through the lifecycle of a PV and a PVC`, { containers: true }, async (t) => {
  const { client, signal, namespace, unique } = t;
  const mine = { labelSelector: `made-by=${unique}` };
  const volume = await createVolume(t, unique);
  assert.equal(volume.spec?.volumeMode, "Filesystem");
  await t.waitFor(PersistentVolumes, volume.metadata, (now) => now?.status?.phase === "Available");
  const claim = await client.create(PersistentVolumeClaims, newClaim(t, unique), signal);
  const bound = await t.waitFor(
    PersistentVolumeClaims,
    claim.metadata,
    (now) => now?.status?.phase === "Bound",
  );
  assert.equal(bound.spec?.volumeName, unique);
  assert.deepEqual(bound.status?.capacity, { storage: "2Gi" }, "it gets all that there is");
  const taken = await t.waitFor(PersistentVolumes, volume.metadata, (now) => now?.status?.phase === "Bound");
  const { claimRef } = taken.spec!;
  assert.deepEqual(
    [claimRef?.namespace, claimRef?.name, claimRef?.uid],
    [namespace, "claim", claim.metadata.uid],
  );

  const body = { metadata: { labels: { patched: "yes" } } };
  for (const patched of [
    await client.patch(PersistentVolumes, volume.metadata, { type: "merge", body }, signal),
    await client.patch(PersistentVolumeClaims, claim.metadata, { type: "strategic", body }, signal),
  ])
    assert.equal(patched.metadata.labels?.["patched"], "yes");
  const volumes = await client.list(
    PersistentVolumes,
    { labelSelector: `made-by=${unique},patched=yes` },
    signal,
  );
  assert.deepEqual(
    volumes.items.map(({ metadata }) => metadata.name),
    [unique],
  );
  const everywhere = await client.list(PersistentVolumeClaims, mine, signal);
  assert.deepEqual(
    everywhere.items.map(({ metadata }) => metadata.uid),
    [claim.metadata.uid],
  );
  const other = { type: "merge", body: { spec: { csi: { volumeHandle: "another" } } } } as const;
  await assert.rejects(
    client.patch(PersistentVolumes, volume.metadata, other, signal),
    isInvalid,
    "sources stay",
  );
  const less = { type: "merge", body: { spec: { accessModes: ["ReadWriteMany"] } } } as const;
  await assert.rejects(
    client.patch(PersistentVolumeClaims, claim.metadata, less, signal),
    isInvalid,
    "modes stay",
  );

  // A volume stays as long as a claim has it; a retained one stays after that.
  await client.delete(PersistentVolumes, volume.metadata, signal);
  const kept = await client.get(PersistentVolumes, volume.metadata, signal);
  assert.ok(kept.metadata.deletionTimestamp);
  assert.deepEqual(kept.metadata.finalizers, ["kubernetes.io/pv-protection"]);
  await client.delete(PersistentVolumeClaims, claim.metadata, signal);
  await t.waitGone(PersistentVolumeClaims, claim.metadata);
  await t.waitGone(PersistentVolumes, volume.metadata);

  await createVolume(t, unique);
  await client.create(PersistentVolumeClaims, newClaim(t, unique), signal);
  await t.waitFor(PersistentVolumeClaims, claim.metadata, (now) => now?.status?.phase === "Bound");
  await client.deleteCollection(PersistentVolumeClaims, { namespace, ...mine }, signal);
  await t.waitGone(PersistentVolumeClaims, claim.metadata);
  await t.waitFor(PersistentVolumes, volume.metadata, (now) => now?.status?.phase === "Released");
  await client.deleteCollection(PersistentVolumes, mine, signal);
  await t.waitGone(PersistentVolumes, volume.metadata);
  await assert.rejects(client.get(PersistentVolumes, volume.metadata, signal), isNotFound);
});

conformance(`${SUITE} apply changes to a pv/pvc status`, { containers: true }, async (t) => {
  const { client, signal, unique } = t;
  const volume = await createVolume(t, unique);
  const available = await t.waitFor(
    PersistentVolumes,
    volume.metadata,
    (now) => now?.status?.phase === "Available",
  );
  // Of another class, so that they do not come together.
  const made = await client.create(PersistentVolumeClaims, newClaim(t, `${unique}-2`), signal);
  const claim = await t.waitFor(
    PersistentVolumeClaims,
    made.metadata,
    (now) => now?.status?.phase === "Pending",
  );

  const status = { message: "patched", reason: "Test" };
  const toStatus = { subresource: "status" };
  const asPatch = { type: "merge", body: { spec: { mountOptions: ["ro"] }, status } } as const;
  const patched = await client.patch(PersistentVolumes, available.metadata, asPatch, signal, toStatus);
  assert.deepEqual(
    [patched.status?.message, patched.status?.reason, patched.status?.phase],
    ["patched", "Test", "Available"],
  );
  assert.equal(patched.spec?.mountOptions, undefined, "only the status changes by its path");
  const updated = await client.updateStatus(
    PersistentVolumes,
    { ...patched, status: { ...patched.status, message: "updated" } },
    signal,
  );
  assert.equal(updated.status?.message, "updated");
  const stored = (await client.getSubresource(
    PersistentVolumes,
    volume.metadata,
    "status",
    signal,
  )) as PersistentVolume;
  assert.equal(stored.status?.message, "updated");
  const whole = await client.update(PersistentVolumes, { ...stored, status: { phase: "Failed" } }, signal);
  assert.equal(whole.status?.message, "updated", "and by the object's path it does not");

  const condition = { type: "FromTest", status: "True", reason: "Patched" };
  const conditions = { type: "merge", body: { status: { conditions: [condition] } } } as const;
  const noted = await client.patch(PersistentVolumeClaims, claim.metadata, conditions, signal, toStatus);
  assert.deepEqual(noted.status, { phase: "Pending", conditions: [condition] });
  const again = { ...condition, status: "False", reason: "Updated" };
  await client.updateStatus(
    PersistentVolumeClaims,
    { ...noted, status: { ...noted.status, conditions: [again] } },
    signal,
  );
  const last = await client.get(PersistentVolumeClaims, claim.metadata, signal);
  assert.deepEqual(last.status?.conditions, [again]);
});
