import assert from "node:assert/strict";
import { test } from "node:test";
import type { Namespace } from "#api/core/v1/types.gen";
import { START } from "../testing/objects.ts";
import { plan } from "./plan.ts";

const namespace: Namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "ns" } };
const deleted: Namespace = { ...namespace, metadata: { name: "ns", deletionTimestamp: START } };

test("plan() creates the default account where it is missing, and not in a namespace that goes", () => {
  const metadata = { name: "default", namespace: "ns" };
  assert.deepEqual(plan(namespace, new Set()), [{ apiVersion: "v1", kind: "ServiceAccount", metadata }]);
  assert.deepEqual(plan(namespace, new Set(["default"])), []);
  assert.deepEqual(plan(deleted, new Set()), []);
});
