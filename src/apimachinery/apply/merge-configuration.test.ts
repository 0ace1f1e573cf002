import assert from "node:assert/strict";
import { test } from "node:test";
import type { Schema, StructSchema } from "../schema.ts";
import { mergeConfiguration } from "./merge-configuration.ts";

const TEXT: Schema = { type: "scalar", scalar: "string" };

function struct(fields: Readonly<Record<string, Schema>>, mapType?: "atomic"): StructSchema {
  const entries = Object.entries(fields).map(([name, schema]) => [name, { schema }] as const);
  return { type: "struct", name: "S", fields: new Map(entries) as never, ...(mapType && { mapType }) };
}

const SCHEMA = struct({
  name: TEXT,
  labels: { type: "map", values: TEXT },
  selector: struct({ a: TEXT }, "atomic"),
  args: { type: "list", items: TEXT },
  ports: { type: "list", items: struct({ name: TEXT, port: TEXT }), listType: "map", listMapKeys: ["name"] },
});

test("mergeConfiguration() keeps what the configuration does not name", () => {
  const live = { name: "a", labels: { x: "1" }, args: ["-v"], ports: [{ name: "p", port: "1" }] };
  const applied = { labels: { y: "2" }, ports: [{ name: "p", port: "2" }, { name: "q" }] };
  assert.deepEqual(mergeConfiguration(live, applied, SCHEMA), {
    name: "a",
    labels: { x: "1", y: "2" },
    args: ["-v"],
    ports: [{ name: "p", port: "2" }, { name: "q" }],
  });
});

test("mergeConfiguration() refuses what would be replaced whole, and what does not fit", () => {
  refused(
    { args: ["-v"], selector: { a: "b" } },
    /may not mutate atomic arrays, maps or structs: \.args, \.selector$/,
  );
  refused(
    { nope: 1 },
    /failed to convert patch object to typed object: \.nope: field not declared in schema$/,
  );
});

function refused(applied: object, why: RegExp): void {
  assert.throws(() => mergeConfiguration({}, applied as never, SCHEMA), why);
}
