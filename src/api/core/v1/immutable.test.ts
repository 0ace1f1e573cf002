import assert from "node:assert/strict";
import { test } from "node:test";
import { validateConfigMap } from "./configmap-validation.ts";
import { validateSecret } from "./secret-validation.ts";
import type { ConfigMap, Secret } from "./types.gen.ts";

const configMap = (rest: Partial<ConfigMap>): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "c" },
  ...rest,
});
const secret = (rest: Partial<Secret>): Secret => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "s" },
  type: "Opaque",
  ...rest,
});

test("validateConfigMap holds an immutable object to its word", () => {
  const old = configMap({ immutable: true, data: { a: "1" } });
  const causes = validateConfigMap(configMap({ data: { a: "2" } }), old);
  assert.deepEqual(
    causes.map((c) => `${c.field}: ${c.message}`),
    [
      "immutable: Forbidden: field is immutable when `immutable` is set",
      "data: Forbidden: field is immutable when `immutable` is set",
    ],
  );
  assert.deepEqual(validateConfigMap(old, old), []);
});

test("validateConfigMap refuses a key in both maps, and more than a mebibyte", () => {
  const twice = validateConfigMap(configMap({ data: { a: "" }, binaryData: { a: "" } }));
  assert.deepEqual(
    twice.map((c) => c.field),
    ["data[a]"],
  );
  assert.equal(validateConfigMap(configMap({ data: { a: "x".repeat(2 ** 20) } })).length, 0);
  assert.equal(
    validateConfigMap(configMap({ data: { a: "x".repeat(2 ** 20 + 1) } }))[0]?.reason,
    "FieldValueTooLong",
  );
});

test("validateSecret demands what a type needs, and never shows a value", () => {
  assert.deepEqual(
    validateSecret(secret({ type: "kubernetes.io/tls" })).map((c) => c.field),
    ["data[tls.crt]", "data[tls.key]"],
  );
  const data = { ".dockerconfigjson": btoa("hunter2") };
  const [cause] = validateSecret(secret({ type: "kubernetes.io/dockerconfigjson", data }));
  assert.doesNotMatch(cause!.message, /hunter2/);
});

test("validateSecret keeps the type", () => {
  const [cause] = validateSecret(secret({ type: "a" }), secret({ type: "b" }));
  assert.equal(`${cause?.field}: ${cause?.message}`, 'type: Invalid value: "a": field is immutable');
});

test("validateConfigMap() takes keys that objects inherit as keys like others", () => {
  const data = { constructor: "x", toString: "y" };
  assert.deepEqual(validateConfigMap(configMap({ data, binaryData: { a: "eA==" } })), []);
});
