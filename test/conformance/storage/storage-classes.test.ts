/** StorageClasses, VolumeAttributesClasses and VolumeAttachments as objects. */
import assert from "node:assert/strict";
import { StorageClasses } from "#api/storage/v1/storageclass";
import type { VolumeAttachment } from "#api/storage/v1/types.gen";
import { VolumeAttachments } from "#api/storage/v1/volumeattachment";
import { VolumeAttributesClasses } from "#api/storage/v1/volumeattributesclass";
import { isInvalid } from "#apimachinery";
import { checkOperations, checkStatusOperations } from "../api-machinery/api-operations.ts";
import { conformance, type ConformanceContext } from "../harness/index.ts";

conformance(
  "[sig-storage] StorageClasses CSI Conformance should run through the lifecycle of a StorageClass",
  { containers: true },
  async (t) => {
    const { client, signal, unique } = t;
    const provisioner = `${unique}.example.com`;
    await checkOperations(t, { kind: StorageClasses, body: { provisioner } });
    const name = `${unique}-own`;
    t.cleanup((undoing) => client.delete(StorageClasses, { name }, undoing));
    const made = await client.create(
      StorageClasses,
      {
        apiVersion: "storage.k8s.io/v1",
        kind: "StorageClass",
        metadata: { name },
        provisioner,
        parameters: { a: "1" },
      },
      signal,
    );
    assert.deepEqual([made.reclaimPolicy, made.volumeBindingMode], ["Delete", "Immediate"], "defaults");
    const grown = await client.update(StorageClasses, { ...made, allowVolumeExpansion: true }, signal);
    assert.equal(grown.allowVolumeExpansion, true);
    // What volumes were made by stays.
    const changes = [
      { provisioner: "another.example.com" },
      { parameters: { a: "2" } },
      { reclaimPolicy: "Retain" },
      { volumeBindingMode: "WaitForFirstConsumer" },
    ];
    for (const body of changes)
      await assert.rejects(
        client.patch(StorageClasses, { name }, { type: "merge", body }, signal),
        isInvalid,
        JSON.stringify(body),
      );
  },
);

conformance(
  "[sig-storage] VolumeAttributesClass should run through the lifecycle of a VolumeAttributesClass",
  { containers: true },
  async (t) => {
    const { client, signal, unique } = t;
    const driverName = `${unique}.example.com`;
    const body = { driverName, parameters: { iops: "100" } };
    await checkOperations(t, { kind: VolumeAttributesClasses, body });
    const name = `${unique}-own`;
    t.cleanup((undoing) => client.delete(VolumeAttributesClasses, { name }, undoing));
    const made = await client.create(
      VolumeAttributesClasses,
      { apiVersion: "storage.k8s.io/v1", kind: "VolumeAttributesClass", metadata: { name }, ...body },
      signal,
    );
    for (const change of [{ driverName: "another.example.com" }, { parameters: { iops: "200" } }])
      await assert.rejects(client.update(VolumeAttributesClasses, { ...made, ...change }, signal), isInvalid);
    assert.deepEqual((await client.get(VolumeAttributesClasses, { name }, signal)).parameters, {
      iops: "100",
    });
  },
);

function attachmentBody({ unique }: ConformanceContext): Pick<VolumeAttachment, "spec"> {
  return {
    spec: {
      attacher: `${unique}.example.com`,
      nodeName: `${unique}-node`,
      source: { persistentVolumeName: `${unique}-volume` },
    },
  };
}

async function createAttachment(t: ConformanceContext): Promise<VolumeAttachment> {
  const name = `${t.unique}-own`;
  t.cleanup((undoing) => t.client.delete(VolumeAttachments, { name }, undoing));
  return t.client.create(
    VolumeAttachments,
    { apiVersion: "storage.k8s.io/v1", kind: "VolumeAttachment", metadata: { name }, ...attachmentBody(t) },
    t.signal,
  );
}

conformance(
  "[sig-storage] VolumeAttachment Conformance should run through the lifecycle of a VolumeAttachment",
  { containers: true },
  async (t) => {
    await checkOperations(t, { kind: VolumeAttachments, body: attachmentBody(t) });
    const made = await createAttachment(t);
    assert.equal(made.status?.attached, false);
    const moved = { ...made, spec: { ...made.spec, nodeName: "another" } };
    await assert.rejects(
      t.client.update(VolumeAttachments, moved, t.signal),
      isInvalid,
      "what it says stays",
    );
  },
);

conformance(
  "[sig-storage] VolumeAttachment Conformance should apply changes to a volumeattachment status",
  { containers: true },
  async (t) => {
    const { client, signal } = t;
    const { metadata } = await createAttachment(t);
    await checkStatusOperations(
      t,
      VolumeAttachments,
      metadata.name,
      (attachment, mark) => ({ ...attachment, status: { attached: true, attachmentMetadata: { mark } } }),
      ({ status }) => (status?.attached === true ? status.attachmentMetadata?.["mark"] : undefined),
    );
    const attached = await client.get(VolumeAttachments, metadata, signal);
    const told = await client.update(VolumeAttachments, { ...attached, status: { attached: false } }, signal);
    assert.equal(told.status?.attached, true, "not by the object's own path");
    const failed = { message: "the node does not answer", time: "2026-01-01T00:00:00Z" };
    const body = { status: { detachError: failed } };
    const patched = await client.patch(VolumeAttachments, metadata, { type: "merge", body }, signal, {
      subresource: "status",
    });
    assert.deepEqual(patched.status?.detachError, failed);
  },
);
