import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { StatusError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { ManagedFieldsEntry } from "../meta.ts";
import { thingSchema } from "../schema-fixture.ts";
import { applyPatch, type ApplyRequest } from "./apply-patch.ts";
import { hasPath, setOf } from "./field-set.ts";
import { updateManagedFields } from "./update-managed-fields.ts";

const NOW = 1_767_225_600_000;
type Thing = JsonObject & {
  readonly metadata: { readonly managedFields?: readonly ManagedFieldsEntry[] };
  readonly spec: JsonObject;
};

function thing(spec: JsonObject, metadata: JsonObject = {}): JsonObject {
  return { apiVersion: "test.k8ts/v1", kind: "Thing", metadata: { name: "t", ...metadata }, spec };
}

function apply(
  live: JsonObject | undefined,
  applied: JsonObject,
  manager: string,
  more: Partial<ApplyRequest> = {},
): Thing {
  const request = {
    live,
    applied,
    manager,
    force: false,
    schema: thingSchema,
    apiVersion: "test.k8ts/v1",
    now: NOW,
    ...more,
  };
  return applyPatch(request).object as Thing;
}

function update(old: JsonObject | undefined, current: JsonObject, manager: string, now = NOW): Thing {
  return updateManagedFields({
    old,
    new: current,
    manager,
    schema: thingSchema,
    apiVersion: "test.k8ts/v1",
    now,
  }) as Thing;
}

function ownedBy(object: Thing, manager: string): JsonObject | undefined {
  return object.metadata.managedFields?.find((entry) => entry.manager === manager)?.fieldsV1;
}

const two = [
  { name: "a", image: "1" },
  { name: "b", image: "1" },
];

test("applyPatch creates an object and records its applier", () => {
  const created = apply(
    undefined,
    thing(
      { replicas: 1, containers: [{ name: "a", ports: [{ containerPort: 80 }] }], nodeSelector: { x: "y" } },
      { labels: { app: "w" } },
    ),
    "me",
  );
  assert.deepEqual(created.metadata.managedFields, [
    {
      manager: "me",
      operation: "Apply",
      apiVersion: "test.k8ts/v1",
      time: "2026-01-01T00:00:00Z",
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:metadata": { "f:labels": { "f:app": {} } },
        "f:spec": {
          "f:containers": {
            'k:{"name":"a"}': {
              ".": {},
              "f:name": {},
              "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } },
            },
          },
          "f:nodeSelector": {},
          "f:replicas": {},
        },
      },
    },
  ]);
  assert.equal(
    apply(
      created,
      thing(
        {
          replicas: 1,
          containers: [{ name: "a", ports: [{ containerPort: 80 }] }],
          nodeSelector: { x: "y" },
        },
        { labels: { app: "w" } },
      ),
      "me",
      { now: NOW + 5000 },
    ),
    created,
  );
});

test("applyPatch merges lists by key and keeps what others have", () => {
  const live = update(undefined, thing({ containers: two, replicas: 3 }), "creator");
  const merged = apply(live, thing({ containers: [{ name: "b", args: ["x"] }, { name: "c" }] }), "me");
  assert.deepEqual(merged.spec, {
    containers: [{ name: "a", image: "1" }, { name: "b", image: "1", args: ["x"] }, { name: "c" }],
    replicas: 3,
  });
});

test("applyPatch removes what its manager no longer applies, unless somebody else has it", () => {
  const first = apply(
    undefined,
    thing({ replicas: 1, paused: true, containers: two, nodeSelector: { a: "1" } }),
    "me",
  );
  const shared = apply(first, thing({ paused: true }), "other");
  const second = apply(shared, thing({ containers: [two[1]!] }), "me");
  assert.deepEqual(second.spec, { paused: true, containers: [two[1]] });
  assert.equal(hasPath(ownedBy(second, "me")!, ["f:spec", "f:replicas"]), false);
  assert.deepEqual(ownedBy(second, "other"), { "f:spec": { "f:paused": {} } });
});

test("applyPatch keeps an item that another manager added to", () => {
  const first = apply(undefined, thing({ containers: two }), "me");
  const other = apply(first, thing({ containers: [{ name: "a", args: ["x"] }] }), "other");
  const second = apply(other, thing({ containers: [two[1]!] }), "me");
  assert.deepEqual(second.spec, { containers: [{ name: "a", args: ["x"] }, two[1]] });
});

test("applyPatch refuses to take fields from others, in upstream's words", () => {
  const live = update(undefined, thing({ replicas: 3, containers: two }), "kube-controller-manager");
  assert.throws(
    () => apply(live, thing({ replicas: 1 }), "me"),
    (err) => {
      assert.ok(err instanceof StatusError);
      assert.equal(err.code, 409);
      assert.equal(
        err.message,
        'Apply failed with 1 conflict: conflict with "kube-controller-manager" using test.k8ts/v1: .spec.replicas',
      );
      assert.deepEqual(err.details?.causes, [
        {
          reason: "FieldManagerConflict",
          message: 'conflict with "kube-controller-manager" using test.k8ts/v1',
          field: ".spec.replicas",
        },
      ]);
      return true;
    },
  );
  const other = apply(live, thing({ paused: true }), "zeta");
  assert.throws(
    () => apply(other, thing({ replicas: 1, paused: false, containers: [{ name: "a", image: "2" }] }), "me"),
    {
      message: [
        'Apply failed with 3 conflicts: conflicts with "kube-controller-manager" using test.k8ts/v1:',
        "- .spec.replicas",
        '- .spec.containers[name="a"].image',
        'conflicts with "zeta":',
        "- .spec.paused",
      ].join("\n"),
    },
  );
  const forced = apply(other, thing({ replicas: 1, paused: false }), "me", { force: true });
  assert.deepEqual([forced.spec["replicas"], forced.spec["paused"]], [1, false]);
  assert.equal(ownedBy(forced, "zeta"), undefined);
  assert.equal(hasPath(ownedBy(forced, "kube-controller-manager")!, ["f:spec", "f:replicas"]), false);
});

test("applyPatch lets values that agree be owned by both", () => {
  const live = update(undefined, thing({ replicas: 3 }), "creator");
  const both = apply(live, thing({ replicas: 3 }), "me", { now: NOW + 1000 });
  assert.equal(hasPath(ownedBy(both, "creator")!, ["f:spec", "f:replicas"]), true);
  assert.equal(hasPath(ownedBy(both, "me")!, ["f:spec", "f:replicas"]), true);
});

test("applyPatch treats atomic lists and structs as one", () => {
  const live = update(
    undefined,
    thing({ tolerations: [{ key: "a" }], selector: { matchLabels: { a: "1" } } }),
    "creator",
  );
  assert.throws(
    () => apply(live, thing({ tolerations: [{ key: "b" }] }), "me"),
    /conflict with "creator".*: \.spec\.tolerations$/,
  );
  const forced = apply(
    live,
    thing({ tolerations: [{ key: "b" }], selector: { matchLabels: { b: "2" } } }),
    "me",
    { force: true },
  );
  assert.deepEqual(forced.spec, { tolerations: [{ key: "b" }], selector: { matchLabels: { b: "2" } } });
});

test("applyPatch refuses configurations that do not fit", () => {
  const table: readonly (readonly [JsonObject, RegExp])[] = [
    [
      { ...thing({}), apiVersion: "test.k8ts/v2" },
      /Incorrect version specified in apply patch\. Specified patch version: test\.k8ts\/v2, expected: test\.k8ts\/v1/,
    ],
    [thing({}, { managedFields: [] }), /metadata\.managedFields must be nil/],
    [
      thing({ foo: 1 }),
      /failed to create typed patch object \(\/t; test\.k8ts\/v1, Kind=Thing\): \.spec\.foo: field not declared in schema/,
    ],
    [
      thing({ containers: [{ name: "a" }, { name: "a" }] }),
      /\.spec\.containers: duplicate entries for key \[name="a"\]/,
    ],
    [
      thing({ containers: [{ image: "a" }] }),
      /element 0: associative list with keys has an element that omits all key fields \["name"\]/,
    ],
    [thing({ replicas: "1" }), /\.spec\.replicas: expected numeric \(int or float\), got string/],
    [
      thing({ paused: 1, replicas: "1" }),
      /errors:\n {2}\.spec\.paused: expected boolean, got 1\n {2}\.spec\.replicas/,
    ],
  ];
  for (const [applied, message] of table)
    assert.throws(() => apply(undefined, applied, "me"), { code: codeOf(message), message });
});

/** What is no object of the schema at all is, upstream, no API error. */
function codeOf({ source }: RegExp): number {
  return /^Incorrect version|^metadata/.test(source) ? 400 : 500;
}

test("applyPatch gives objects without owners to before-first-apply", () => {
  const live = thing({ replicas: 2 });
  assert.throws(
    () => apply(live, thing({ replicas: 1 }), "me"),
    /conflict with "before-first-apply" using test\.k8ts\/v1: \.spec\.replicas/,
  );
  const applied = apply(live, thing({ paused: true }), "me");
  assert.deepEqual(ownedBy(applied, "before-first-apply"), { "f:spec": { ".": {}, "f:replicas": {} } });
});

test("applyPatch lets kubectl take over what its annotation says it applied", () => {
  const last = JSON.stringify(thing({ replicas: 3 }));
  const annotations = { "kubectl.kubernetes.io/last-applied-configuration": last };
  const live = update(
    undefined,
    thing({ replicas: 3, paused: true }, { annotations }),
    "kubectl-client-side-apply",
  );
  const taken = apply(live, thing({ replicas: 5 }), "kubectl");
  assert.equal(taken.spec["replicas"], 5);
  const text = (taken.metadata as { annotations?: Record<string, string> }).annotations![
    "kubectl.kubernetes.io/last-applied-configuration"
  ]!;
  assert.deepEqual(JSON.parse(text), thing({ replicas: 5 }));
  assert.throws(() => apply(live, thing({ paused: false }), "kubectl"), /1 conflict/);
  assert.throws(() => apply(live, thing({ replicas: 5 }), "somebody"), /1 conflict/);
});

test("applyPatch never owns reset fields", () => {
  const applied = apply(undefined, { ...thing({ replicas: 1 }), status: { readyReplicas: 1 } }, "me", {
    resetFields: setOf(["f:status"]),
  });
  assert.deepEqual(ownedBy(applied, "me"), { "f:spec": { "f:replicas": {} } });
});

const name = fc.constantFrom("a", "b", "c");
const container = fc.record(
  { name, image: name, args: fc.array(name, { maxLength: 2 }) },
  { requiredKeys: ["name"] },
);
const configuration = fc
  .record(
    {
      replicas: fc.nat(2),
      containers: fc.uniqueArray(container, { selector: (c) => c.name, minLength: 1, maxLength: 3 }),
      nodeSelector: fc.dictionary(name, name, { maxKeys: 2 }),
      tolerations: fc.array(fc.record({ key: name }), { maxLength: 2 }),
      strategy: fc.record(
        { type: name, rollingUpdate: fc.record({ maxSurge: fc.nat(2) }) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  )
  .map((spec) => thing(JSON.parse(JSON.stringify(spec)) as JsonObject));

test("applyPatch is idempotent, contains what was applied, and forgets what one manager alone dropped", () => {
  fc.assert(
    fc.property(
      fc.option(configuration, { nil: undefined }),
      configuration,
      configuration,
      (created, first, second) => {
        const live = created && update(undefined, created, "creator");
        const one = apply(live, first, "me", { force: true });
        assertContains(one, first);
        assert.equal(apply(one, first, "me", { now: NOW + 9000 }), one);
        const next = apply(one, second, "me", { force: true });
        assertContains(next, second);
        if (live === undefined) {
          const direct = apply(undefined, second, "me");
          assert.deepEqual(ownedBy(next, "me"), ownedBy(direct, "me"));
          assert.deepEqual(normal(next.spec), normal(direct.spec));
        }
      },
    ),
    { numRuns: 300 },
  );
});

function assertContains(actual: unknown, expected: unknown): void {
  if (Array.isArray(expected) && expected.some((item) => typeof item === "object" && "name" in item)) {
    for (const item of expected as { name: string }[])
      assertContains(
        (actual as { name: string }[]).find((other) => other.name === item.name),
        item,
      );
  } else if (typeof expected === "object" && !Array.isArray(expected)) {
    for (const [key, value] of Object.entries(expected as object))
      assertContains((actual as JsonObject)[key], value);
  } else assert.deepEqual(actual, expected);
}

/** Containers that lost everything may stay behind, empty; order of items is history. */
function normal(value: unknown): unknown {
  if (Array.isArray(value))
    return value.map(normal).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, child]): [string, unknown] => [key, normal(child)]);
  const kept = entries.filter(
    ([, child]) => typeof child !== "object" || child === null || Object.keys(child).length > 0,
  );
  return Object.fromEntries(kept.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
