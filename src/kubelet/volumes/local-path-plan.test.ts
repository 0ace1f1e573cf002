import assert from "node:assert/strict";
import { test } from "node:test";
import { isVolumeName } from "#api/core/v1/local-path-volumes";
import type { PersistentVolume } from "#api/core/v1/types.gen";
import { isLocalPathVolume, type LocalPathPlan, planLocalPath } from "./local-path-plan.ts";

const root = "/volumes";

function volume(path: string, provisioner = "k8ts.io/local-path", name = "pvc-1"): PersistentVolume {
  const annotations = { "pv.kubernetes.io/provisioned-by": provisioner };
  const metadata = { name, annotations };
  return { apiVersion: "v1", kind: "PersistentVolume", metadata, spec: { hostPath: { path } } };
}

test("isLocalPathVolume() knows the provisioner's folders and nothing else", () => {
  assert.equal(isLocalPathVolume(volume("/volumes/pvc-1"), root), true);
  assert.equal(isLocalPathVolume(volume("/volumes/pvc-2"), root), false);
  assert.equal(isLocalPathVolume(volume("/home"), root), false);
  assert.equal(isLocalPathVolume(volume("/volumes/pvc-1", "example.com/other"), root), false);
  assert.equal(isLocalPathVolume(volume("/volumes/..", "k8ts.io/local-path", ".."), root), false);
});

test("isVolumeName() takes one segment of a path", () => {
  for (const name of ["pvc-1", "a", "a.b-c"]) assert.equal(isVolumeName(name), true, name);
  for (const name of ["", ".", "..", "a/b", "A", "-a", ".a", "a.", "a\n", "a".repeat(254)])
    assert.equal(isVolumeName(name), false, name);
});

const table: readonly (readonly [string, string, boolean, boolean, LocalPathPlan])[] = [
  ["removes what this node has mounted", "pvc-1", true, false, "remove"],
  ["waits while a pod has it mounted", "pvc-1", true, true, "wait"],
  ["has nothing to do for what this node never mounted", "pvc-1", false, false, "acknowledge"],
  ["removes nothing for what is no name", "..", true, false, "acknowledge"],
];

for (const [what, name, isOwn, isUsed, expected] of table) {
  test(`planLocalPath() ${what}`, () => assert.equal(planLocalPath(name, isOwn, isUsed), expected));
}
