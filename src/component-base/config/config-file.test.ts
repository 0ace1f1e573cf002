import assert from "node:assert/strict";
import { test } from "node:test";
import { field, type StructSchema } from "#apimachinery";
import { loadConfigFile, parseConfig, type ConfigKind } from "./config-file.ts";

const schema: StructSchema = {
  type: "struct",
  name: "TestConfiguration",
  fields: new Map([
    ["apiVersion", { name: "apiVersion", schema: { type: "scalar", scalar: "string" } }],
    ["kind", { name: "kind", schema: { type: "scalar", scalar: "string" } }],
    ["port", { name: "port", schema: { type: "scalar", scalar: "int32" } }],
  ]),
};
const kind: ConfigKind<{ readonly port: number }> = {
  apiVersion: "k8ts/v1",
  kind: "TestConfiguration",
  schema,
  defaults: (config) => ({ port: (config["port"] as number | undefined) ?? 80 }),
  validate: ({ port }) => (port > 0 ? [] : [field.invalid("port", port, "must be positive")]),
};
const head = "apiVersion: k8ts/v1\nkind: TestConfiguration\n";

test("parseConfig reads, defaults and validates", () => {
  assert.deepEqual(parseConfig(head, "f", kind), { port: 80 });
  assert.deepEqual(parseConfig(`${head}port: 8080`, "f", kind), { port: 8080 });
});

test("parseConfig says what is wrong and where", () => {
  const table: Record<string, RegExp> = {
    [`${head}port: -1`]: /^configuration file f: port: Invalid value: -1: must be positive$/,
    [`${head}prot: 1`]: /unknown field "prot"/,
    [`${head}port: x`]: /cannot unmarshal string into Go struct field TestConfiguration\.port of type int32/,
    [`${head}port: 1\nport: 2`]: /line 4: key "port" already set in map/,
    "apiVersion: k8ts/v1\nkind: Other": /expected TestConfiguration of k8ts\/v1, found Other of k8ts\/v1/,
    "a: [": /yaml: line \d/,
    "": /expected one YAML object/,
  };
  for (const [text, message] of Object.entries(table))
    assert.throws(() => parseConfig(text, "f", kind), { name: "ConfigError", message });
});

test("loadConfigFile names a file that is not there", async () => {
  await assert.rejects(
    loadConfigFile("/nonexistent/config.yaml", kind),
    /reading configuration file \/nonexistent\/config\.yaml: ENOENT/,
  );
});
