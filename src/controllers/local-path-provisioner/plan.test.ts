import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolumeClaim } from "#api/core/v1/types.gen";
import { newNode } from "../testing/objects.ts";
import { newClaim, newClass, newVolume } from "../testing/volumes.ts";
import { PROVISIONED_BY, SELECTED_NODE, STORAGE_PROVISIONER } from "../volume/claims.ts";
import { isToDelete, missingDefaultClass, planProvision, PROVISIONER } from "./plan.ts";

const immediate = newClass("local", { provisioner: PROVISIONER });
const late = newClass("local", { provisioner: PROVISIONER, volumeBindingMode: "WaitForFirstConsumer" });
const labelled = newNode("node-2", "True", {
  metadata: { name: "node-2", labels: { "kubernetes.io/hostname": "host-2" } },
});
const nodes = [newNode("node-0", "False"), newNode("node-1"), labelled];

function asked(
  spec: Partial<NonNullable<PersistentVolumeClaim["spec"]>> = {},
  node?: string,
): PersistentVolumeClaim {
  const annotations = {
    [STORAGE_PROVISIONER]: PROVISIONER,
    ...(node !== undefined && { [SELECTED_NODE]: node }),
  };
  return newClaim("c", { annotations, spec: { storageClassName: "local", ...spec } });
}

test("planProvision() makes a volume on the node that was chosen, reachable from there alone", () => {
  const p = planProvision(asked({}, "node-2"), late, nodes);
  assert.ok(p.do === "create");
  const { metadata, spec } = p.volume;
  assert.equal(metadata.name, "pvc-uid-c");
  assert.deepEqual(spec?.hostPath, { path: "/var/lib/k8ts/local-path/pvc-uid-c", type: "DirectoryOrCreate" });
  assert.deepEqual(spec?.nodeAffinity?.required?.nodeSelectorTerms, [
    { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["host-2"] }] },
  ]);
  assert.deepEqual(
    [spec?.capacity, spec?.persistentVolumeReclaimPolicy, spec?.storageClassName, spec?.claimRef?.uid],
    [{ storage: "1Gi" }, "Delete", "local", "uid-c"],
  );
});

test("planProvision() chooses a node itself where nobody waits for one", () => {
  const p = planProvision(asked(), immediate, nodes);
  const fields =
    p.do === "create" && p.volume.spec?.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchFields;
  assert.deepEqual(fields, [{ key: "metadata.name", operator: "In", values: ["node-1"] }]);
});

const idle: readonly (readonly [string, PersistentVolumeClaim, typeof late])[] = [
  ["before a node is chosen", asked(), late],
  [
    "for claims that nobody asked it about",
    newClaim("c", { spec: { storageClassName: "local" } }),
    immediate,
  ],
  ["for claims that name a volume", asked({ volumeName: "v" }), immediate],
  ["for classes of others", asked(), newClass("local")],
];

for (const [name, claim, storageClass] of idle) {
  test(`planProvision() does nothing ${name}`, () =>
    assert.deepEqual(planProvision(claim, storageClass, nodes), { do: "nothing" }));
}

const failures: readonly (readonly [PersistentVolumeClaim, string])[] = [
  [
    asked({ accessModes: ["ReadWriteMany"] }),
    "access mode ReadWriteMany is not supported, a volume is a folder of one node",
  ],
  [asked({ volumeMode: "Block" }), "block volumes are not supported"],
  [asked({ selector: {} }), "claim.Spec.Selector is not supported"],
  [asked({}, "gone"), 'node "gone" not found'],
];

for (const [claim, problem] of failures) {
  test(`planProvision() fails with: ${problem}`, () => {
    const message = `failed to provision volume with StorageClass "local": ${problem}`;
    assert.deepEqual(planProvision(claim, immediate, nodes), { do: "fail", message });
  });
}

test("isToDelete() takes released volumes of its own alone", () => {
  const own = { annotations: { [PROVISIONED_BY]: PROVISIONER } };
  const policy = { persistentVolumeReclaimPolicy: "Delete" };
  assert.equal(isToDelete(newVolume("v", policy, { phase: "Released", metadata: own })), true);
  assert.equal(isToDelete(newVolume("v", policy, { phase: "Bound", metadata: own })), false);
  assert.equal(isToDelete(newVolume("v", policy, { phase: "Released" })), false);
  assert.equal(isToDelete(newVolume("v", {}, { phase: "Released", metadata: own })), false);
});

test("missingDefaultClass() is made only where there is no default", () => {
  assert.equal(missingDefaultClass([])?.volumeBindingMode, "WaitForFirstConsumer");
  assert.equal(missingDefaultClass([newClass("standard")]), undefined);
  assert.notEqual(missingDefaultClass([newClass("other")]), undefined);
  const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
  assert.equal(
    missingDefaultClass([newClass("other", { metadata: { name: "other", annotations } })]),
    undefined,
  );
});
