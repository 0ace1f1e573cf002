import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolumeSpec } from "#api/core/v1/types.gen";
import type { CSINode } from "#api/storage/v1/types.gen";
import { csiVolumeOf, driverOf, migratedPlugins } from "./csi-volume.ts";

const shown = (spec: PersistentVolumeSpec): string => {
  const { driver, handle, plugin } = csiVolumeOf(spec) ?? { driver: "", handle: "", plugin: undefined };
  return `${driver} ${handle} ${plugin ?? ""}`.trim();
};

test("csiVolumeOf() names the driver of a volume, also of a former in-tree plugin", () => {
  assert.equal(shown({ csi: { driver: "d", volumeHandle: "v" } }), "d v");
  const zonal = { awsElasticBlockStore: { volumeID: "aws://us-east-1a/vol-1" } };
  assert.equal(shown(zonal), "ebs.csi.aws.com vol-1 kubernetes.io/aws-ebs");
  assert.equal(shown({ awsElasticBlockStore: { volumeID: "vol-1" } }), shown(zonal));
  assert.equal(shown({ gcePersistentDisk: { pdName: "a" } }), "pd.csi.storage.gke.io a kubernetes.io/gce-pd");
  const azure = { azureDisk: { diskName: "a", diskURI: "/disks/a" } };
  assert.equal(shown(azure), "disk.csi.azure.com /disks/a kubernetes.io/azure-disk");
  assert.equal(shown({ cinder: { volumeID: "a" } }), "cinder.csi.openstack.org a kubernetes.io/cinder");
  assert.equal(shown({ hostPath: { path: "/a" } }), "");
});

test("driverOf() knows which driver makes the volumes of a class", () => {
  assert.equal(driverOf("kubernetes.io/aws-ebs").driver, "ebs.csi.aws.com");
  assert.deepEqual(driverOf("example.com/disk"), { driver: "example.com/disk", plugin: undefined });
});

test("migratedPlugins() reads the annotation of a node", () => {
  const annotations = { "storage.alpha.kubernetes.io/migrated-plugins": "a,b" };
  const node = { metadata: { name: "n", annotations } } as unknown as CSINode;
  assert.deepEqual([...migratedPlugins(node)], ["a", "b"]);
  assert.equal(migratedPlugins(undefined).size, 0);
});
