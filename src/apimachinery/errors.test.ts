import assert from "node:assert/strict";
import { test } from "node:test";
import {
  StatusError,
  conflict,
  invalid,
  isConflict,
  isNamespaceGone,
  isNotFound,
  notFound,
  reasonOf,
  unless,
} from "./errors.ts";

const PODS = { group: "", resource: "pods" };

test("predicates see through the cause chain", () => {
  const wrapped = new Error("reconcile default/web", { cause: conflict(PODS, "web", "it moved") });
  assert.ok(isConflict(wrapped));
  assert.ok(!isNotFound(wrapped));
  assert.equal(notFound(PODS, "a").code, 404);
});

test("isNamespaceGone() knows a namespace that terminates and one that is gone from other refusals", () => {
  const causes = [
    {
      reason: "NamespaceTerminating",
      message: "namespace a is being terminated",
      field: "metadata.namespace",
    },
  ] as const;
  const terminating = new StatusError("Forbidden", "no new content", { details: { causes } });
  assert.ok(isNamespaceGone(terminating));
  assert.ok(isNamespaceGone(notFound({ group: "", resource: "namespaces" }, "a")));
  assert.ok(!isNamespaceGone(notFound(PODS, "a")));
  assert.ok(!isNamespaceGone(conflict({ group: "", resource: "namespaces" }, "a", "it moved")));
  assert.ok(!isNamespaceGone(new Error("namespaces")));
});

test("reasonOf() ends for a chain of causes that bites its tail", () => {
  const tail = new Error("tail");
  const head = new Error("head", { cause: tail });
  tail.cause = head;
  assert.equal(reasonOf(head), undefined);
});

test("invalid() lists every cause in its message and in its details", () => {
  const causes = [
    { reason: "FieldValueRequired", field: "spec.a", message: "Required value" },
    { reason: "FieldValueInvalid", field: "spec.b", message: "Invalid value: 1" },
  ] as const;
  const err = invalid({ group: "apps", kind: "Deployment" }, "web", causes);
  assert.equal(
    err.message,
    'Deployment.apps "web" is invalid: [spec.a: Required value, spec.b: Invalid value: 1]',
  );
  assert.deepEqual(err.toStatus().details?.causes, causes);
});

test("StatusError.fromStatus() keeps what the server said", () => {
  const err = StatusError.fromStatus(notFound(PODS, "a").toStatus(), 404);
  assert.deepEqual([err.reason, err.code, err.message], ["NotFound", 404, 'pods "a" not found']);
});

test("unless() gives what was done, passes over what is expected, and throws everything else", async () => {
  const gone = notFound(PODS, "a");
  assert.equal(await unless(isNotFound, Promise.resolve(1)), 1);
  assert.equal(await unless(isNotFound, Promise.reject(gone)), undefined);
  await assert.rejects(unless(isConflict, Promise.reject(gone)), gone);
});
