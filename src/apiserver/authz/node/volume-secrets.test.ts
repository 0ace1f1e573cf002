import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume } from "#api/core/v1/types.gen";
import { volumeSecretNames } from "./volume-secrets.ts";

const ref = { name: "s" };
const elsewhere = { name: "s", namespace: "other" };
const cases: readonly (readonly [what: string, source: object, names: readonly string[]])[] = [
  ["azureFile, of the claim", { azureFile: { secretName: "s", shareName: "x" } }, ["ns/s"]],
  ["azureFile, elsewhere", { azureFile: { secretName: "s", secretNamespace: "other" } }, ["other/s"]],
  ["cephfs, of the claim", { cephfs: { secretRef: ref } }, ["ns/s"]],
  ["cephfs, elsewhere", { cephfs: { secretRef: elsewhere } }, ["other/s"]],
  ["cinder", { cinder: { secretRef: elsewhere } }, ["other/s"]],
  ["flexVolume", { flexVolume: { secretRef: ref } }, ["ns/s"]],
  ["iscsi", { iscsi: { secretRef: ref } }, ["ns/s"]],
  ["rbd", { rbd: { secretRef: ref } }, ["ns/s"]],
  ["scaleIO", { scaleIO: { secretRef: ref } }, ["ns/s"]],
  ["storageos", { storageos: { secretRef: elsewhere } }, ["other/s"]],
  [
    "csi, and not what controllers use",
    {
      csi: {
        nodePublishSecretRef: { name: "publish", namespace: "a" },
        nodeStageSecretRef: { name: "stage", namespace: "b" },
        nodeExpandSecretRef: { name: "expand", namespace: "c" },
        controllerPublishSecretRef: { name: "controller", namespace: "d" },
        controllerExpandSecretRef: { name: "controller", namespace: "d" },
      },
    },
    ["a/publish", "b/stage", "c/expand"],
  ],
  ["none", { hostPath: { path: "/x" } }, []],
];

for (const [what, source, names] of cases) {
  test(`volumeSecretNames() finds those of ${what}`, () => {
    const volume = { spec: { claimRef: { namespace: "ns", name: "c" }, ...source } } as PersistentVolume;
    const found = volumeSecretNames(volume).map(({ namespace, name }) => `${namespace}/${name}`);
    assert.deepEqual(found, names);
  });
}
