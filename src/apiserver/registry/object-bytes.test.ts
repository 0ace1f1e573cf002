import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind, KubeObject } from "#apimachinery";
import { shareFieldsText, toBytes } from "./object-bytes.ts";

const kind = { group: "apps", version: "v1", kind: "Deployment" } as Kind;
const fieldsV1 = { "f:spec": { "f:replicas": {} } };

function deployment(rest: object): KubeObject {
  const entry = { manager: "kubectl", operation: "Update", fieldsType: "FieldsV1", fieldsV1 } as const;
  const metadata = { name: 'a"b', resourceVersion: "7", managedFields: [entry], labels: { a: "ü" } };
  return { kind: "x", apiVersion: "x", metadata, ...rest };
}

test("toBytes() writes shared field texts as it writes the fields themselves", () => {
  const plain = [{}, { spec: { replicas: 1 } }].map((rest) => parsed(deployment(rest)));
  shareFieldsText(fieldsV1);
  const shared = [{}, { spec: { replicas: 1 } }].map((rest) => parsed(deployment(rest)));
  assert.deepEqual(shared, plain);
  assert.deepEqual(Object.keys(shared[1] as object), ["kind", "apiVersion", "metadata", "spec"]);
  assert.equal((shared[1] as KubeObject).metadata.resourceVersion, undefined);
});

test("toBytes() writes several managers whole", () => {
  const object = deployment({});
  const [entry] = object.metadata.managedFields!;
  const two = { ...object, metadata: { ...object.metadata, managedFields: [entry!, entry!] } };
  assert.equal((parsed(two) as KubeObject).metadata.managedFields?.length, 2);
});

function parsed(object: KubeObject): unknown {
  return JSON.parse(Buffer.from(toBytes(kind, object)).toString());
}
