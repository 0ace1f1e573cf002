import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind, KubeObject } from "#apimachinery";
import { Deployments } from "#api/apps/v1/deployment";
import { Leases } from "#api/coordination/v1/lease";
import { checkUpdatePreconditions, planUpdate } from "./plan-update.ts";

const kind = Deployments as unknown as Kind;
const old = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: {
    name: "d",
    namespace: "n",
    uid: "u",
    resourceVersion: "5",
    generation: 3,
    creationTimestamp: "2026-01-01T00:00:00Z",
    labels: { a: "b" },
  },
  spec: { replicas: 1 },
  status: { replicas: 1 },
} as KubeObject;

function planned(object: object, subresource = ""): KubeObject & { spec?: unknown; status?: unknown } {
  return planUpdate(kind, object as KubeObject, old, { hasGeneration: true, subresource });
}

test("planUpdate() keeps what only the system sets", () => {
  const { metadata } = planned({
    kind: "Deployment",
    apiVersion: "apps/v1",
    metadata: { name: "d", generation: 99 },
    spec: { replicas: 1 },
  });
  const { labels: _labels, ...system } = old.metadata;
  assert.deepEqual(metadata, system);
});

test("planUpdate() counts a change of the spec, and of nothing else", () => {
  assert.equal(planned({ ...old, spec: { replicas: 2 } }).metadata.generation, 4);
  assert.equal(planned({ ...old, metadata: { ...old.metadata, labels: {} } }).metadata.generation, 3);
  assert.equal(planned({ ...old, status: { replicas: 7 } }).metadata.generation, 3);
});

test("planUpdate() lets each endpoint change its own half", () => {
  const both = { ...old, spec: { replicas: 9 }, status: { replicas: 9 } };
  assert.deepEqual([planned(both).spec, planned(both).status], [{ replicas: 9 }, { replicas: 1 }]);
  const status = planned(both, "status");
  assert.deepEqual(
    [status.spec, status.status, status.metadata.generation],
    [{ replicas: 1 }, { replicas: 9 }, 3],
  );
});

test("planUpdate() takes the finalizers that a writer of the status names, also none", () => {
  const guarded = { ...old, metadata: { ...old.metadata, finalizers: ["example.com/f"] } };
  const write = (object: object): KubeObject =>
    planUpdate(kind, object as KubeObject, guarded, { hasGeneration: true, subresource: "status" });
  assert.deepEqual(write(guarded).metadata.finalizers, ["example.com/f"]);
  assert.equal(write(old).metadata.finalizers, undefined);
});

function check(metadata: object, of: Kind = kind): () => void {
  return () => checkUpdatePreconditions(of, { ...old, metadata: { ...old.metadata, ...metadata } }, old);
}

test("checkUpdatePreconditions() is optimistic locking", () => {
  check({})();
  check({ resourceVersion: "" })();
  assert.throws(check({ resourceVersion: "4" }), /the object has been modified/);
  assert.throws(
    check({ uid: "other" }),
    /Precondition failed: UID in precondition: other, UID in object meta: u/,
  );
  assert.throws(
    check({ resourceVersion: "" }, Leases as unknown as Kind),
    /0x0: must be specified for an update/,
  );
});
