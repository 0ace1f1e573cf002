/** What drivers say about themselves: CSIDrivers, CSINodes, CSIStorageCapacities, and pods that name a driver. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import { CSIDrivers } from "#api/storage/v1/csidriver";
import { CSINodes } from "#api/storage/v1/csinode";
import { CSIStorageCapacities } from "#api/storage/v1/csistoragecapacity";
import type { CSIDriver, CSINode, CSIStorageCapacity } from "#api/storage/v1/types.gen";
import { isInvalid, isNotFound } from "#apimachinery";
import { checkOperations } from "../api-machinery/api-operations.ts";
import { conformance, newPod } from "../harness/index.ts";

conformance(
  "[sig-storage] CSIInlineVolumes should run through the lifecycle of a CSIDriver",
  { containers: true },
  async (t) => {
    const { client, signal, unique } = t;
    const body = { spec: { attachRequired: false, volumeLifecycleModes: ["Ephemeral"] } };
    await checkOperations(t, { kind: CSIDrivers, body });
    const driver: CSIDriver = {
      apiVersion: "storage.k8s.io/v1",
      kind: "CSIDriver",
      metadata: { name: `${unique}.example.com` },
      spec: { volumeLifecycleModes: ["Persistent", "Ephemeral"] },
    };
    const made = await client.create(CSIDrivers, driver, signal);
    t.cleanup((undoing) => client.delete(CSIDrivers, made.metadata, undoing));
    const { attachRequired, podInfoOnMount, storageCapacity, fsGroupPolicy } = made.spec;
    assert.deepEqual(
      { attachRequired, podInfoOnMount, storageCapacity, fsGroupPolicy },
      {
        attachRequired: true,
        podInfoOnMount: false,
        storageCapacity: false,
        fsGroupPolicy: "ReadWriteOnceWithFSType",
      },
      "defaults",
    );
    const { spec } = await client.patch(
      CSIDrivers,
      made.metadata,
      { type: "merge", body: { spec: { podInfoOnMount: true, requiresRepublish: true } } },
      signal,
    );
    assert.deepEqual([spec.podInfoOnMount, spec.requiresRepublish], [true, true]);
    const other = { type: "merge", body: { spec: { volumeLifecycleModes: ["Persistent"] } } } as const;
    await assert.rejects(client.patch(CSIDrivers, made.metadata, other, signal), isInvalid, "modes stay");
  },
);

conformance(
  "[sig-storage] CSIInlineVolumes should support CSIVolumeSource in Pod API",
  { containers: true },
  async (t) => {
    const { client, signal, namespace, unique } = t;
    const csi = {
      driver: `${unique}.example.com`,
      readOnly: true,
      fsType: "ext4",
      volumeAttributes: { size: "1Gi" },
      nodePublishSecretRef: { name: "credentials" },
    };
    const labels = { app: unique };
    const pod = newPod(t, "p", { labels });
    const made = await client.create(
      Pods,
      { ...pod, spec: { ...pod.spec!, nodeSelector: { nowhere: unique }, volumes: [{ name: "v", csi }] } },
      signal,
    );
    assert.deepEqual(made.spec?.volumes?.find(({ name }) => name === "v")?.csi, csi);
    const mine = { namespace, labelSelector: `app=${unique}` };
    const listed = await client.list(Pods, mine, signal);
    assert.deepEqual(
      listed.items.map(({ spec }) => spec?.volumes?.find(({ name }) => name === "v")?.csi),
      [csi],
    );
    const body = { metadata: { labels: { patched: "yes" } } };
    const patched = await client.patch(Pods, made.metadata, { type: "merge", body }, signal);
    assert.deepEqual(patched.spec?.volumes, made.spec?.volumes);
    const bare = { ...pod, metadata: { name: "bare", namespace } };
    const without = { ...bare, spec: { ...pod.spec!, volumes: [{ name: "v", csi: { driver: "" } }] } };
    await assert.rejects(client.create(Pods, without, signal), isInvalid, "a driver must be named");
    await client.deleteCollection(Pods, mine, signal);
    await t.waitGone(Pods, { namespace, name: "p" });
  },
);

conformance(
  "[sig-storage] CSINodes CSI Conformance should run through the lifecycle of a csinode",
  { containers: true },
  async (t) => {
    const { client, signal, unique } = t;
    await checkOperations(t, { kind: CSINodes, body: { spec: { drivers: [] } } });
    const drivers = [{ name: `${unique}.example.com`, nodeID: "id-1", topologyKeys: ["example.com/zone"] }];
    const node: CSINode = {
      apiVersion: "storage.k8s.io/v1",
      kind: "CSINode",
      metadata: { name: unique },
      spec: { drivers },
    };
    const made = await client.create(CSINodes, node, signal);
    t.cleanup((undoing) => client.delete(CSINodes, { name: unique }, undoing));
    assert.deepEqual(made.spec.drivers, drivers);
    const more = [
      ...drivers,
      { name: `other.${unique}.example.com`, nodeID: "id-2", allocatable: { count: 5 } },
    ];
    const updated = await client.update(CSINodes, { ...made, spec: { drivers: more } }, signal);
    assert.deepEqual(updated.spec.drivers, more);
    const changed = { ...updated, spec: { drivers: [{ ...drivers[0]!, nodeID: "another" }, more[1]!] } };
    await assert.rejects(client.update(CSINodes, changed, signal), isInvalid, "a driver's id stays");
    await client.delete(CSINodes, { name: unique }, signal);
    await assert.rejects(client.get(CSINodes, { name: unique }, signal), isNotFound);
  },
);

conformance(
  "[sig-storage] CSIStorageCapacity should support CSIStorageCapacities API operations",
  { containers: true },
  async (t) => {
    const { client, signal, namespace, unique } = t;
    const labels = { "made-by": unique };
    const capacity = (name: string): CSIStorageCapacity => ({
      apiVersion: "storage.k8s.io/v1",
      kind: "CSIStorageCapacity",
      metadata: { name, namespace, labels },
      storageClassName: unique,
      nodeTopology: { matchLabels: { zone: "a" } },
      capacity: "10Gi",
    });
    const resources = (await t.http({ path: "/apis/storage.k8s.io/v1" })).json() as {
      readonly resources: readonly { readonly name: string; readonly namespaced: boolean }[];
    };
    const found = resources.resources.find(({ name }) => name === "csistoragecapacities");
    assert.equal(found?.namespaced, true);
    const mine = { labelSelector: `made-by=${unique}` };
    const before = await client.list(CSIStorageCapacities, { namespace, ...mine }, signal);
    const resourceVersion = before.metadata.resourceVersion!;
    const watch = t.watch(CSIStorageCapacities, { namespace, ...mine, resourceVersion });
    for (const name of ["a", "b", "c"]) {
      await client.create(CSIStorageCapacities, capacity(name), signal);
      assert.equal((await watch.next()).type, "ADDED");
    }
    const made = await client.get(CSIStorageCapacities, { namespace, name: "a" }, signal);
    assert.equal(made.capacity, "10Gi");
    const everywhere = await client.list(CSIStorageCapacities, mine, signal);
    assert.deepEqual(everywhere.items.map(({ metadata }) => metadata.name).toSorted(), ["a", "b", "c"]);
    const patch = { type: "merge", body: { maximumVolumeSize: "1Gi" } } as const;
    const patched = await client.patch(CSIStorageCapacities, made.metadata, patch, signal);
    assert.equal(patched.maximumVolumeSize, "1Gi");
    assert.equal((await watch.next()).type, "MODIFIED");
    const updated = await client.update(CSIStorageCapacities, { ...patched, capacity: "5Gi" }, signal);
    assert.equal(updated.capacity, "5Gi");
    const moved = { ...updated, storageClassName: `${unique}-2` };
    await assert.rejects(client.update(CSIStorageCapacities, moved, signal), isInvalid, "the class stays");
    await client.delete(CSIStorageCapacities, made.metadata, signal);
    await watch.until(
      "a DELETED event",
      ({ type, object }) => type === "DELETED" && object.metadata.name === "a",
    );
    await assert.rejects(client.get(CSIStorageCapacities, made.metadata, signal), isNotFound);
    await client.deleteCollection(CSIStorageCapacities, { namespace, ...mine }, signal);
    assert.deepEqual((await client.list(CSIStorageCapacities, mine, signal)).items, []);
  },
);
