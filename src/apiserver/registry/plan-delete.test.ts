import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Kind, KubeObject } from "#apimachinery";
import { Pods } from "#api/core/v1/pod";
import { ConfigMaps } from "#api/core/v1/configmap";
import { planDelete, type DeleteOptions } from "./plan-delete.ts";

const configMaps = ConfigMaps as unknown as Kind;
const NOW = Date.parse("2026-01-01T00:00:00Z");

interface Case {
  readonly name: string;
  readonly kind?: Kind;
  readonly metadata?: object;
  readonly spec?: object;
  readonly status?: object;
  readonly options?: DeleteOptions;
  readonly expected: string;
}

const running = { nodeName: "n", terminationGracePeriodSeconds: 30 };
const terminating = { deletionTimestamp: "2026-01-01T00:00:20Z", deletionGracePeriodSeconds: 30 };

const cases: readonly Case[] = [
  { name: "an object without finalizers goes at once", kind: configMaps, expected: "delete" },
  {
    name: "a finalizer keeps it",
    kind: configMaps,
    metadata: { finalizers: ["a/b"] },
    expected: "update at 00:00:00 grace 0 [a/b]",
  },
  {
    name: "Orphan adds its finalizer",
    kind: configMaps,
    options: { propagationPolicy: "Orphan" },
    expected: "update at 00:00:00 grace 0 [orphan]",
  },
  {
    name: "Foreground adds its finalizer",
    kind: configMaps,
    options: { propagationPolicy: "Foreground" },
    expected: "update at 00:00:00 grace 0 [foregroundDeletion]",
  },
  {
    name: "Background takes the collector's finalizers off",
    kind: configMaps,
    metadata: { finalizers: ["orphan"] },
    options: { propagationPolicy: "Background" },
    expected: "delete",
  },
  {
    name: "a pod that was never scheduled goes at once",
    spec: { terminationGracePeriodSeconds: 30 },
    expected: "delete",
  },
  {
    name: "a pod that has ended goes at once",
    spec: running,
    status: { phase: "Succeeded" },
    expected: "delete",
  },
  { name: "a running pod has its grace period", spec: running, expected: "update at 00:00:30 grace 30 []" },
  {
    name: "the request may name another grace period",
    spec: running,
    options: { gracePeriodSeconds: 5 },
    expected: "update at 00:00:05 grace 5 []",
  },
  { name: "zero means at once", spec: running, options: { gracePeriodSeconds: 0 }, expected: "delete" },
  {
    name: "a negative period is a second",
    spec: running,
    options: { gracePeriodSeconds: -4 },
    expected: "update at 00:00:01 grace 1 []",
  },
  { name: "a second delete changes nothing", spec: running, metadata: terminating, expected: "none" },
  {
    name: "a longer period changes nothing",
    spec: running,
    metadata: terminating,
    options: { gracePeriodSeconds: 60 },
    expected: "none",
  },
  {
    name: "a shorter period counts from the first delete",
    spec: running,
    metadata: terminating,
    options: { gracePeriodSeconds: 15 },
    expected: "update at 00:00:05 grace 15 []",
  },
  {
    name: "a period that is over already leaves a second",
    spec: running,
    metadata: terminating,
    options: { gracePeriodSeconds: 5 },
    expected: "update at 00:00:00 grace 1 []",
  },
  {
    name: "zero ends a graceful deletion",
    spec: running,
    metadata: terminating,
    options: { gracePeriodSeconds: 0 },
    expected: "delete",
  },
  {
    name: "finalizers outlive the grace period",
    spec: running,
    metadata: { ...terminating, finalizers: ["a/b"] },
    options: { gracePeriodSeconds: 0 },
    expected: "update at 00:00:00 grace 0 [a/b]",
  },
];

suite("planDelete()", () => {
  for (const {
    name,
    kind = Pods as unknown as Kind,
    metadata,
    spec,
    status,
    options = {},
    expected,
  } of cases) {
    test(`planDelete(): ${name}`, () => {
      const object = {
        apiVersion: "v1",
        kind: kind.kind,
        metadata: { name: "x", namespace: "d", uid: "u", ...metadata },
        ...(spec !== undefined && { spec }),
        ...(status !== undefined && { status }),
      } as KubeObject;
      const plan = planDelete(kind, object, options, NOW);
      assert.equal(show(plan), expected);
    });
  }

  test("planDelete() checks the preconditions", () => {
    const object = { apiVersion: "v1", kind: "Pod", metadata: { name: "x", uid: "u", resourceVersion: "5" } };
    const check = (preconditions: { uid?: string; resourceVersion?: string }) => () =>
      planDelete(Pods as unknown as Kind, object, { preconditions }, NOW);
    assert.throws(check({ uid: "other" }), /the UID in the precondition \(other\) does not match/);
    assert.throws(check({ resourceVersion: "4" }), /the ResourceVersion in the precondition \(4\)/);
    assert.equal(show(check({ uid: "u", resourceVersion: "5" })()), "delete");
  });
});

function show(plan: ReturnType<typeof planDelete>): string {
  if (plan.action !== "update") return plan.action;
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers = [] } = plan.object.metadata;
  const at = deletionTimestamp?.slice(11, 19);
  return `update at ${at} grace ${deletionGracePeriodSeconds} [${finalizers.join(" ")}]`;
}
