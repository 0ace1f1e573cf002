import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../json.ts";
import type { ManagedFieldsEntry } from "../meta.ts";
import { scalar, struct, list, thingSchema } from "../schema-fixture.ts";
import { compare } from "./compare.ts";
import { UPDATE_MANAGERS_MAX } from "./managers.ts";
import { ignoreManagedFieldsTimestamps } from "./timestamps.ts";
import { updateManagedFields, type ManagedUpdate } from "./update-managed-fields.ts";

const NOW = 1_767_225_600_000;

function thing(spec: JsonObject, metadata: JsonObject = {}): JsonObject {
  return { apiVersion: "v1", kind: "Thing", metadata: { name: "t", ...metadata }, spec };
}

function update(
  old: JsonObject | undefined,
  current: JsonObject,
  manager: string,
  more: Partial<ManagedUpdate> = {},
): JsonObject {
  return updateManagedFields({
    old,
    new: current,
    manager,
    schema: thingSchema,
    apiVersion: "v1",
    now: NOW,
    ...more,
  });
}

function entriesOf(object: JsonObject): readonly ManagedFieldsEntry[] {
  return (object["metadata"] as { managedFields?: ManagedFieldsEntry[] }).managedFields ?? [];
}

function summary(object: JsonObject): Record<string, unknown> {
  return Object.fromEntries(
    entriesOf(object).map((entry) => [
      `${entry.manager} ${entry.time}${entry.subresource === undefined ? "" : ` ${entry.subresource}`}`,
      entry.fieldsV1,
    ]),
  );
}

test("updateManagedFields gives a creator all it wrote", () => {
  const created = update(
    undefined,
    thing({ replicas: 1, containers: [{ name: "a" }] }, { labels: { a: "b" }, uid: "u" }),
    "kubectl-create",
  );
  assert.deepEqual(summary(created), {
    "kubectl-create 2026-01-01T00:00:00Z": {
      "f:metadata": { "f:labels": { ".": {}, "f:a": {} } },
      "f:spec": {
        ".": {},
        "f:containers": { ".": {}, 'k:{"name":"a"}': { ".": {}, "f:name": {} } },
        "f:replicas": {},
      },
    },
  });
});

test("updateManagedFields moves changed fields to the writer and forgets removed ones", () => {
  const created = update(undefined, thing({ replicas: 1, paused: true }), "creator");
  const scaled = update(created, thing({ replicas: 2 }), "scaler", { now: NOW + 1000 });
  assert.deepEqual(summary(scaled), {
    "creator 2026-01-01T00:00:00Z": { "f:spec": {} },
    "scaler 2026-01-01T00:00:01Z": { "f:spec": { "f:replicas": {} } },
  });
});

test("updateManagedFields keeps entries and times when nothing changes", () => {
  const created = update(undefined, thing({ replicas: 1 }), "creator");
  const again = update(created, structuredClone(created), "other", { now: NOW + 9000 });
  assert.deepEqual(again, created);
  const bare = update(created, thing({ replicas: 1 }), "creator", { now: NOW + 9000 });
  assert.deepEqual(entriesOf(bare), entriesOf(created));
});

test("updateManagedFields keeps subresources apart and ignores what it resets", () => {
  const created = update(undefined, thing({ replicas: 1 }), "m");
  const reported = update(created, { ...created, status: { readyReplicas: 1 } }, "m", {
    subresource: "status",
    now: NOW + 1000,
  });
  assert.deepEqual(Object.keys(summary(reported)), [
    "m 2026-01-01T00:00:00Z",
    "m 2026-01-01T00:00:01Z status",
  ]);
  const ignored = update(created, { ...created, status: { readyReplicas: 1 } }, "m", {
    resetFields: { "f:status": {} },
  });
  assert.deepEqual(entriesOf(ignored), entriesOf(created));
});

test("updateManagedFields forgets all owners when asked to, and does not track again until an apply", () => {
  const created = update(undefined, thing({ replicas: 1 }), "creator");
  for (const managedFields of [[], [{}]]) {
    const reset = update(created, thing({ replicas: 1 }, { managedFields }), "me");
    assert.equal("managedFields" in (reset["metadata"] as object), false);
    assert.deepEqual(entriesOf(update(reset, thing({ replicas: 2 }), "me")), []);
  }
});

test("updateManagedFields takes a client's own entries if they are sound", () => {
  const created = update(undefined, thing({ replicas: 1 }), "creator");
  const [entry] = entriesOf(created);
  const renamed = update(
    created,
    thing({ replicas: 1 }, { managedFields: [{ ...entry, manager: "renamed" }] }),
    "me",
  );
  assert.equal(entriesOf(renamed)[0]!.manager, "renamed");
  const broken = update(
    created,
    thing({ replicas: 1 }, { managedFields: [{ ...entry, operation: "Steal" }] }),
    "me",
  );
  assert.deepEqual(entriesOf(broken), entriesOf(created));
});

test("updateManagedFields merges the oldest updaters when there are too many", () => {
  let object = update(
    undefined,
    thing({ nodeSelector: {}, replicas: 0 }, { labels: { l0: "x" } }),
    "manager-0",
  );
  for (let i = 1; i <= UPDATE_MANAGERS_MAX + 3; i++) {
    const labels = { ...(object["metadata"] as { labels: object }).labels, [`l${i}`]: "x" };
    object = update(object, thing({ nodeSelector: {}, replicas: 0 }, { labels }), `manager-${i}`, {
      now: NOW + i * 1000,
    });
  }
  const names = entriesOf(object).map((entry) => entry.manager);
  assert.equal(names.length, UPDATE_MANAGERS_MAX);
  assert.ok(names.includes("ancient-changes"));
  assert.ok(names.includes(`manager-${UPDATE_MANAGERS_MAX + 3}`));
});

test("ignoreManagedFieldsTimestamps takes an object whose times alone differ for the old one", () => {
  const old = update(undefined, thing({ replicas: 1 }), "m");
  const later = update(undefined, thing({ replicas: 1 }), "m", { now: NOW + 5000 });
  const other = update(undefined, thing({ replicas: 2 }), "m", { now: NOW + 5000 });
  assert.equal(ignoreManagedFieldsTimestamps(later, old), old);
  assert.equal(ignoreManagedFieldsTimestamps(other, old), other);
});

test("compare takes structs that Go always writes as present", () => {
  const resources = struct("Resources", { limits: scalar("string") });
  const item = struct("Item", { name: scalar("string"), resources: { schema: resources, pointer: false } });
  const schema = struct("Root", {
    spec: {
      schema: struct("Spec", { items: list(item, { listType: "map", listMapKeys: ["name"] }) }),
      pointer: false,
    },
  });
  assert.deepEqual(compare({}, { spec: { items: [{ name: "a" }] } }, schema).added, {
    "f:spec": { "f:items": { ".": {}, 'k:{"name":"a"}': { ".": {}, "f:name": {}, "f:resources": {} } } },
  });
});

test("compare does not look into what both share", () => {
  const shared = new Proxy({}, { ownKeys: () => assert.fail("walked a shared subtree") });
  assert.deepEqual(compare({ spec: shared, a: 1 }, { spec: shared, a: 2 }, undefined).modified, {
    "f:a": {},
  });
});

test("compare sees duplicates of a key as one", () => {
  const twin = { name: "a", value: "1" };
  const at = { "f:spec": { "f:containers": { 'k:{"name":"c"}': { "f:env": { 'k:{"name":"a"}': {} } } } } };
  assert.deepEqual(compare(env(twin, twin), env(twin, { ...twin, value: "2" }), thingSchema).modified, at);
  assert.deepEqual(compare(env(twin, twin), env(twin, twin), thingSchema).modified, {});
});

function env(...items: unknown[]): JsonObject {
  return { spec: { containers: [{ name: "c", env: items }] } };
}
