import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { thingSchema } from "../schema-fixture.ts";
import { createThreeWayStrategicMergePatch, createTwoWayStrategicMergePatch } from "./strategic-diff.ts";
import { applyStrategicMergePatch } from "./strategic-merge.ts";

test("createTwoWayStrategicMergePatch writes the directives kubectl does", () => {
  const original = {
    spec: {
      containers: [
        { name: "a", image: "1" },
        { name: "b", image: "1" },
      ],
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } },
    },
  };
  const modified = {
    spec: {
      containers: [
        { name: "b", image: "2" },
        { name: "c", image: "3" },
      ],
      strategy: { type: "Recreate" },
    },
  };
  assert.deepEqual(createTwoWayStrategicMergePatch(original, modified, thingSchema), {
    spec: {
      "$setElementOrder/containers": [{ name: "b" }, { name: "c" }],
      containers: [
        { name: "b", image: "2" },
        { name: "c", image: "3" },
        { name: "a", $patch: "delete" },
      ],
      strategy: { $retainKeys: ["type"], type: "Recreate", rollingUpdate: null },
    },
  });
  assert.deepEqual(createTwoWayStrategicMergePatch(original, original, thingSchema), {});
});

const name = fc.constantFrom("a", "b", "c", "d");
const container = fc.record(
  {
    name,
    image: name,
    args: fc.array(name, { maxLength: 2 }),
    env: fc.uniqueArray(fc.record({ name, value: name }, { requiredKeys: ["name"] }), {
      selector: (e) => e.name,
      maxLength: 3,
    }),
  },
  { requiredKeys: ["name"] },
);
const thing = fc.record({
  metadata: fc.record(
    { finalizers: fc.uniqueArray(name, { maxLength: 4 }), labels: fc.dictionary(name, name, { maxKeys: 3 }) },
    { requiredKeys: [] },
  ),
  spec: fc.record(
    {
      containers: fc.uniqueArray(container, { selector: (c) => c.name, maxLength: 4 }),
      strategy: fc.record(
        { type: name, rollingUpdate: fc.record({ maxSurge: fc.nat(3) }) },
        { requiredKeys: [] },
      ),
      tolerations: fc.array(fc.record({ key: name }), { maxLength: 2 }),
      replicas: fc.nat(3),
    },
    { requiredKeys: [] },
  ),
});

test("createTwoWayStrategicMergePatch makes a patch that leads from one object to the other", () => {
  fc.assert(
    fc.property(thing, thing, (original, modified) => {
      const patch = createTwoWayStrategicMergePatch(original, modified, thingSchema);
      const result = applyStrategicMergePatch(original, patch, thingSchema);
      assert.deepEqual(normal(result), normal(modified), JSON.stringify(patch));
    }),
    { numRuns: 500 },
  );
});

test("createThreeWayStrategicMergePatch deletes only what its maker had set", () => {
  const last = { spec: { replicas: 1, containers: [{ name: "a", image: "1" }, { name: "old" }] } };
  const wanted = { spec: { containers: [{ name: "a", image: "2" }] } };
  const live = {
    spec: {
      replicas: 1,
      paused: true,
      containers: [{ name: "a", image: "1" }, { name: "old" }, { name: "sidecar" }],
    },
  };
  const patch = createThreeWayStrategicMergePatch(last, wanted, live, thingSchema);
  assert.deepEqual(applyStrategicMergePatch(live, patch, thingSchema), {
    spec: { paused: true, containers: [{ name: "a", image: "2" }, { name: "sidecar" }] },
  });
  const fighting = { spec: { containers: [{ name: "a", image: "other" }] } };
  assert.throws(
    () =>
      createThreeWayStrategicMergePatch(
        { spec: { containers: [{ name: "a", image: "1" }] } },
        wanted,
        fighting,
        thingSchema,
        false,
      ),
    { reason: "Conflict" },
  );
});

test("createThreeWayStrategicMergePatch reaches the wanted object when nobody else changed it", () => {
  fc.assert(
    fc.property(thing, thing, (last, wanted) => {
      const patch = createThreeWayStrategicMergePatch(last, wanted, last, thingSchema);
      assert.deepEqual(
        normal(applyStrategicMergePatch(last, patch, thingSchema)),
        normal(wanted),
        JSON.stringify(patch),
      );
    }),
    { numRuns: 300 },
  );
});

/** What strategic merge cannot tell apart: an empty list or map, and none. */
function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, child]): [string, unknown] => [key, normal(child)]);
  return Object.fromEntries(
    entries.filter(
      ([, child]) => typeof child !== "object" || child === null || Object.keys(child).length > 0,
    ),
  );
}
