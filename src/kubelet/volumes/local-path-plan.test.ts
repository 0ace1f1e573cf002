import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume } from "#api/core/v1/types.gen";
import {
  AGE_MIN_MS,
  isLocalPathVolume,
  isVolumeName,
  type LocalPathPlan,
  parseRecord,
  planLocalPath,
} from "./local-path-plan.ts";

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

const exists = volume("/volumes/pvc-1");
const table: readonly (readonly [
  string,
  string,
  PersistentVolume | undefined,
  boolean,
  number,
  LocalPathPlan,
])[] = [
  ["keeps a volume that exists", "Delete", exists, false, 10 * AGE_MIN_MS, "keep"],
  ["waits while the volume is young", "Delete", undefined, false, AGE_MIN_MS - 1, "wait"],
  ["waits while a pod has it mounted", "Delete", undefined, true, 10 * AGE_MIN_MS, "wait"],
  ["removes what is gone", "Delete", undefined, false, AGE_MIN_MS, "remove"],
  ["leaves retained data", "Retain", undefined, false, 10 * AGE_MIN_MS, "forget"],
  ["waits when the clock was set back", "Delete", undefined, false, -1, "wait"],
];

for (const [what, reclaimPolicy, pv, isUsed, ageMs, expected] of table) {
  test(`planLocalPath() ${what}`, () => {
    assert.equal(planLocalPath({ seenAtMs: 1000, reclaimPolicy }, pv, isUsed, 1000 + ageMs), expected);
  });
}

test("parseRecord() takes nothing that is not whole", () => {
  assert.deepEqual(parseRecord('{"seenAtMs":1,"reclaimPolicy":"Delete"}'), {
    seenAtMs: 1,
    reclaimPolicy: "Delete",
  });
  for (const text of ["", "{", "null", "{}", '{"seenAtMs":"1","reclaimPolicy":"Delete"}'])
    assert.equal(parseRecord(text), undefined, text);
});
