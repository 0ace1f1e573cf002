import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#apimachinery";
import { trimManagedFields } from "./trim-managed-fields.ts";

test("trimManagedFields() leaves the rest, and what has none, as it is", () => {
  const bare = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", resourceVersion: "7" } };
  const entry = { manager: "m", operation: "Update" } as const;
  const owned: KubeObject = Object.freeze({
    ...bare,
    metadata: Object.freeze({ ...bare.metadata, managedFields: [entry] }),
  });
  assert.deepEqual(trimManagedFields(owned), bare);
  assert.equal(owned.metadata.managedFields?.length, 1);
  assert.equal(trimManagedFields(bare), bare);
});
