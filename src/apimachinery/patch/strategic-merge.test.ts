import assert from "node:assert/strict";
import { test } from "node:test";
import { thingSchema } from "../schema-fixture.ts";
import { applyStrategicMergePatch } from "./strategic-merge.ts";

type Json = Record<string, unknown>;

function apply(spec: Json, patch: Json): unknown {
  const document = freeze({ spec });
  return (applyStrategicMergePatch(document, freeze({ spec: patch }), thingSchema) as { spec: Json }).spec;
}

function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const child of Object.values(value)) freeze(child);
  return Object.freeze(value);
}

const two = {
  containers: [
    { name: "a", image: "1", env: [{ name: "X", value: "1" }] },
    { name: "b", image: "1" },
  ],
};

const MERGES: readonly (readonly [string, Json, Json, Json])[] = [
  [
    "changes one item",
    two,
    { containers: [{ name: "b", image: "2" }] },
    { containers: [two.containers[0], { name: "b", image: "2" }] },
  ],
  [
    "adds items in front",
    two,
    { containers: [{ name: "c", image: "3" }] },
    { containers: [{ name: "c", image: "3" }, ...two.containers] },
  ],
  [
    "nested lists merge too",
    two,
    { containers: [{ name: "a", env: [{ name: "Y", value: "2" }] }] },
    {
      containers: [
        {
          name: "a",
          image: "1",
          env: [
            { name: "Y", value: "2" },
            { name: "X", value: "1" },
          ],
        },
        two.containers[1],
      ],
    },
  ],
  [
    "deletes by directive",
    two,
    { containers: [{ name: "a", $patch: "delete" }] },
    { containers: [two.containers[1]] },
  ],
  [
    "replaces by directive",
    two,
    { containers: [{ name: "z" }, { $patch: "replace" }] },
    { containers: [{ name: "z" }] },
  ],
  ["null deletes a field", { replicas: 1, paused: true }, { paused: null }, { replicas: 1 }],
  [
    "atomic lists are replaced",
    { tolerations: [{ key: "a" }] },
    { tolerations: [{ key: "b" }] },
    { tolerations: [{ key: "b" }] },
  ],
  [
    "maps merge",
    { nodeSelector: { a: "1" } },
    { nodeSelector: { b: "2" } },
    { nodeSelector: { a: "1", b: "2" } },
  ],
  [
    "$patch replace on a map",
    { nodeSelector: { a: "1" } },
    { nodeSelector: { $patch: "replace", b: "2" } },
    { nodeSelector: { b: "2" } },
  ],
  [
    "$patch delete on a map",
    { nodeSelector: { a: "1" } },
    { nodeSelector: { $patch: "delete" } },
    { nodeSelector: {} },
  ],
  [
    "$retainKeys clears the others",
    { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } },
    { strategy: { $retainKeys: ["type"], type: "Recreate" } },
    { strategy: { type: "Recreate" } },
  ],
  [
    "$retainKeys within list items",
    { volumes: [{ name: "v", emptyDir: {} }] },
    { volumes: [{ name: "v", $retainKeys: ["name", "hostPath"], hostPath: { path: "/x" } }] },
    { volumes: [{ name: "v", hostPath: { path: "/x" } }] },
  ],
  [
    "$setElementOrder orders",
    two,
    { "$setElementOrder/containers": [{ name: "b" }, { name: "a" }] },
    { containers: [two.containers[1], two.containers[0]] },
  ],
  [
    "$setElementOrder with changes",
    two,
    {
      "$setElementOrder/containers": [{ name: "b" }, { name: "c" }, { name: "a" }],
      containers: [{ name: "c", image: "9" }],
    },
    { containers: [two.containers[1], { name: "c", image: "9" }, two.containers[0]] },
  ],
  [
    "new values lose directives and nulls",
    {},
    { strategy: { type: "X", rollingUpdate: null, $retainKeys: ["type"] } },
    { strategy: { type: "X" } },
  ],
  [
    "live items keep their place among the patch's",
    { containers: [{ name: "s1" }, { name: "a" }, { name: "s2" }] },
    { "$setElementOrder/containers": [{ name: "a" }, { name: "n" }], containers: [{ name: "n" }] },
    { containers: [{ name: "s1" }, { name: "a" }, { name: "n" }, { name: "s2" }] },
  ],
];

test("applyStrategicMergePatch merges lists by their key", () => {
  for (const [name, live, patch, want] of MERGES) assert.deepEqual(apply(live, patch), want, name);
});

test("applyStrategicMergePatch merges lists of scalars as sets", () => {
  const live = freeze({ metadata: { finalizers: ["a", "b"] } });
  const patched = (patch: Json): unknown =>
    (applyStrategicMergePatch(live, { metadata: patch }, thingSchema) as { metadata: Json }).metadata[
      "finalizers"
    ];
  assert.deepEqual(patched({ finalizers: ["b", "c"] }), ["a", "b", "c"]);
  assert.deepEqual(patched({ "$deleteFromPrimitiveList/finalizers": ["a"] }), ["b"]);
  assert.deepEqual(
    patched({
      "$deleteFromPrimitiveList/finalizers": ["a"],
      "$setElementOrder/finalizers": ["c", "b"],
      finalizers: ["c"],
    }),
    ["c", "b"],
  );
});

test("applyStrategicMergePatch shares what the patch does not mention", () => {
  const live = { metadata: { name: "x" }, spec: two };
  const patched = applyStrategicMergePatch(
    live,
    { spec: { containers: [{ name: "b", image: "2" }] } },
    thingSchema,
  ) as typeof live;
  assert.equal(patched.metadata, live.metadata);
  assert.equal(patched.spec.containers[0], two.containers[0]);
});

test("applyStrategicMergePatch says what is wrong", () => {
  const table: readonly (readonly [Json, Json, number, RegExp])[] = [
    [two, { containers: [{ image: "2" }] }, 422, /does not contain declared merge key: name/],
    [two, { containers: ["x"] }, 422, /list element types are not identical/],
    [two, { containers: [[1]] }, 422, /lists of lists are not supported/],
    [two, { containers: [{ name: "a", $patch: "shred" }] }, 422, /unknown patch type/],
    [{ nodeSelector: {} }, { nodeSelector: { $patch: "x" } }, 422, /unknown patch type: x/],
    [{ strategy: {} }, { strategy: { $retainKeys: ["a"], b: 1 } }, 400, /invalid patch format of retainKeys/],
    [{ strategy: {} }, { strategy: { $retainKeys: "a" } }, 400, /invalid patch format of retainKeys/],
    [two, { "$setElementOrder/containers": 1 }, 400, /invalid patch format of setElementOrder list/],
    [two, { $deleteFromPrimitiveList: ["a"] }, 400, /invalid patch format of primitive list/],
    [
      two,
      { "$setElementOrder/containers": [{ name: "b" }], containers: [{ name: "a", image: "2" }] },
      422,
      /The order in patch list/,
    ],
  ];
  for (const [live, patch, code, message] of table)
    assert.throws(() => apply(live, patch), { code, message });
  assert.throws(() => applyStrategicMergePatch({}, [], thingSchema), { code: 400 });
});
