import assert from "node:assert/strict";
import { test } from "node:test";
import { CLASS_ANNOTATION, givenStorageClass, storageClassOf } from "./storage-class-name.ts";
import type { PersistentVolumeClaim } from "./types.gen.ts";

const claim = (storageClassName?: string, annotation?: string): PersistentVolumeClaim => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: {
    name: "data",
    ...(annotation !== undefined && { annotations: { [CLASS_ANNOTATION]: annotation } }),
  },
  spec: { ...(storageClassName !== undefined && { storageClassName }) },
});

for (const [what, object, given] of [
  ["nothing", claim(), undefined],
  ["the field", claim("fast"), "fast"],
  ["the field that wants none", claim(""), ""],
  ["the annotation before the field", claim("fast", "slow"), "slow"],
  ["the annotation that wants none", claim("fast", ""), ""],
] as const) {
  test(`storageClassOf() reads ${what}`, () => {
    assert.equal(givenStorageClass(object), given);
    assert.equal(storageClassOf(object), given ?? "");
  });
}
