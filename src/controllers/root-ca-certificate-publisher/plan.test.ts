import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap, Namespace } from "#api/core/v1/types.gen";
import { START } from "../testing/objects.ts";
import { plan } from "./plan.ts";

const namespace: Namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "ns" } };
const deleted: Namespace = { ...namespace, metadata: { name: "ns", deletionTimestamp: START } };

function created(): ConfigMap {
  const action = plan(namespace, undefined, "CA");
  assert.equal(action.type, "create");
  return action.configMap;
}

test("plan() creates the ConfigMap, and leaves it when it is right", () => {
  const configMap = created();
  assert.equal(configMap.metadata.name, "kube-root-ca.crt");
  assert.deepEqual(configMap.data, { "ca.crt": "CA" });
  assert.equal(plan(namespace, configMap, "CA").type, "none");
});

test("plan() undoes changes of the data, follows a new CA, and keeps annotations", () => {
  const configMap = created();
  const annotated = { ...configMap, metadata: { ...configMap.metadata, annotations: { mine: "x" } } };
  for (const changed of [
    { ...annotated, data: { "ca.crt": "other" } },
    { ...annotated, data: { "ca.crt": "CA", more: "x" } },
  ]) {
    const action = plan(namespace, changed, "CA");
    assert.equal(action.type, "update");
    assert.deepEqual(action.configMap.data, { "ca.crt": "CA" });
    assert.equal(action.configMap.metadata.annotations?.["mine"], "x");
  }
});

test("plan() leaves namespaces that go", () => assert.equal(plan(deleted, undefined, "CA").type, "none"));
