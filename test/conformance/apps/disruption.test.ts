/** PodDisruptionBudgets: objects, what their controller says of them, and evictions that they hold back. */
import assert from "node:assert/strict";
import { Deployments } from "#api/apps/v1/deployment";
import { Pods } from "#api/core/v1/pod";
import { PodDisruptionBudgets } from "#api/policy/v1/poddisruptionbudget";
import type { PodDisruptionBudget, PodDisruptionBudgetSpec } from "#api/policy/v1/types.gen";
import { StatusError } from "#apimachinery";
import { retryOnConflict } from "#client";
import { conformance, newDeployment, type ConformanceContext } from "../harness/index.ts";
import { hasTrue } from "./workloads.ts";

function newBudget(
  t: ConformanceContext,
  name: string,
  spec: Partial<PodDisruptionBudgetSpec>,
  namespace = t.namespace,
): PodDisruptionBudget {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name, namespace, labels: { made: t.unique } },
    spec: { selector: { matchLabels: { app: "web" } }, ...spec },
  };
}

/** Resolves when the controller has seen the spec, and so many disruptions are allowed. */
async function untilAllowed(
  t: ConformanceContext,
  name: string,
  allowed: number,
): Promise<PodDisruptionBudget> {
  const ref = { namespace: t.namespace, name };
  const { generation } = (await t.client.get(PodDisruptionBudgets, ref, t.signal)).metadata;
  return t.waitFor(PodDisruptionBudgets, ref, (now) => {
    const { observedGeneration, disruptionsAllowed } = now?.status ?? {};
    return observedGeneration === generation && disruptionsAllowed === allowed;
  });
}

async function startPods(t: ConformanceContext, count: number): Promise<void> {
  const made = await t.client.create(Deployments, newDeployment(t, "web", count), t.signal);
  await t.waitFor(Deployments, made.metadata, (now) => now?.status?.availableReplicas === count);
}

async function evict(t: ConformanceContext, name: string): Promise<StatusError | undefined> {
  const { namespace } = t;
  const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } };
  try {
    await t.client.createSubresource(Pods, { namespace, name }, "eviction", eviction, t.signal);
    return undefined;
  } catch (err) {
    if (err instanceof StatusError) return err;
    throw err;
  }
}

conformance(
  "[sig-apps] DisruptionController Listing PodDisruptionBudgets for all namespaces should list and delete a collection of PodDisruptionBudgets",
  async (t) => {
    const { client, signal, namespace } = t;
    const other = await t.newNamespace();
    const labelSelector = `made=${t.unique}`;
    const names = async (options: object): Promise<readonly string[]> =>
      (await client.list(PodDisruptionBudgets, options, signal)).items
        .map(({ metadata }) => metadata.name)
        .toSorted();
    await client.create(PodDisruptionBudgets, newBudget(t, "one", { minAvailable: 1 }), signal);
    await client.create(PodDisruptionBudgets, newBudget(t, "two", { maxUnavailable: "10%" }), signal);
    await client.create(PodDisruptionBudgets, newBudget(t, "three", { minAvailable: 1 }, other), signal);
    assert.deepEqual(await names({ labelSelector }), ["one", "three", "two"]);
    assert.deepEqual(await names({ labelSelector, namespace }), ["one", "two"]);
    await client.deleteCollection(PodDisruptionBudgets, { namespace, labelSelector }, signal);
    assert.deepEqual(await names({ labelSelector }), ["three"]);
    await client.deleteCollection(PodDisruptionBudgets, { namespace: other }, signal);
    assert.deepEqual(await names({ labelSelector }), []);
  },
);

conformance("[sig-apps] DisruptionController should create a PodDisruptionBudget", async (t) => {
  const { client, signal, namespace } = t;
  const ref = { namespace, name: "web" };
  const made = await client.create(PodDisruptionBudgets, newBudget(t, "web", { minAvailable: 1 }), signal);
  assert.equal(made.spec?.minAvailable, 1);
  await untilAllowed(t, "web", 0);
  const updated = await retryOnConflict(async () => {
    const now = await client.get(PodDisruptionBudgets, ref, signal);
    return client.update(PodDisruptionBudgets, { ...now, spec: { ...now.spec, minAvailable: 2 } }, signal);
  }, signal);
  assert.equal(updated.spec?.minAvailable, 2);
  assert.equal((await untilAllowed(t, "web", 0)).status?.desiredHealthy, 2);
  const patch = { type: "strategic", body: { spec: { minAvailable: "50%" } } } as const;
  const patched = await client.patch(PodDisruptionBudgets, ref, patch, signal);
  assert.equal(patched.spec?.minAvailable, "50%");
  assert.equal((await client.get(PodDisruptionBudgets, ref, signal)).metadata.generation, 3);
  await assert.rejects(
    client.create(PodDisruptionBudgets, newBudget(t, "both", { minAvailable: 1, maxUnavailable: 1 }), signal),
    /minAvailable and maxUnavailable cannot be both set/,
  );
  await client.delete(PodDisruptionBudgets, ref, signal);
  await t.waitGone(PodDisruptionBudgets, ref);
});

conformance(
  "[sig-apps] DisruptionController should observe PodDisruptionBudget status updated",
  async (t) => {
    const { client, signal } = t;
    await client.create(PodDisruptionBudgets, newBudget(t, "web", { minAvailable: 1 }), signal);
    const before = await untilAllowed(t, "web", 0);
    assert.deepEqual([before.status?.expectedPods, before.status?.currentHealthy], [0, 0]);
    await startPods(t, 3);
    const { status } = await untilAllowed(t, "web", 2);
    assert.deepEqual([status?.expectedPods, status?.currentHealthy, status?.desiredHealthy], [3, 3, 1]);
    assert.ok(hasTrue(status?.conditions, "DisruptionAllowed"));
  },
);

conformance("[sig-apps] DisruptionController should update/patch PodDisruptionBudget status", async (t) => {
  const { client, signal, namespace } = t;
  const ref = { namespace, name: "web" };
  await startPods(t, 2);
  await client.create(PodDisruptionBudgets, newBudget(t, "web", { minAvailable: 1 }), signal);
  const settled = await untilAllowed(t, "web", 1);
  const watch = t.watch(PodDisruptionBudgets, {
    namespace,
    resourceVersion: settled.metadata.resourceVersion!,
  });
  // What the API server notes of an eviction under way: the controller keeps it until the pod is gone or has stayed.
  const expectNoted = async (name: string): Promise<void> => {
    await watch.until(`${name} in the status`, ({ type, object }) => {
      return type === "MODIFIED" && object.status?.disruptedPods?.[name] !== undefined;
    });
  };
  const time = settled.metadata.creationTimestamp!;
  const updated = await retryOnConflict(async () => {
    const now = (await client.getSubresource(
      PodDisruptionBudgets,
      ref,
      "status",
      signal,
    )) as PodDisruptionBudget;
    const status = { ...now.status!, disruptedPods: { updated: time } };
    const spec = { ...now.spec, minAvailable: 2 };
    return client.updateStatus(PodDisruptionBudgets, { ...now, spec, status }, signal);
  }, signal);
  assert.deepEqual(updated.status?.disruptedPods, { updated: time });
  assert.equal(updated.spec?.minAvailable, 1, "the spec is not written by way of the status");
  await expectNoted("updated");
  const body = { status: { disruptedPods: { patched: time } } };
  const patched = await client.patch(PodDisruptionBudgets, ref, { type: "merge", body }, signal, {
    subresource: "status",
  });
  assert.equal(patched.status?.disruptedPods?.["patched"], time);
  await expectNoted("patched");
});

conformance(
  "[sig-apps] DisruptionController should block an eviction until the PDB is updated to allow it",
  async (t) => {
    const { client, signal, namespace } = t;
    await startPods(t, 3);
    await client.create(PodDisruptionBudgets, newBudget(t, "web", { minAvailable: 3 }), signal);
    await untilAllowed(t, "web", 0);
    const { items } = await client.list(Pods, { namespace }, signal);
    const [first, second] = items;
    const blocked = await evict(t, first!.metadata.name);
    assert.deepEqual([blocked?.code, blocked?.reason], [429, "TooManyRequests"]);
    assert.equal(blocked?.message, "Cannot evict pod as it would violate the pod's disruption budget.");
    assert.equal(blocked.details?.causes?.[0]?.reason, "DisruptionBudget");
    assert.equal((await client.get(Pods, first!.metadata, signal)).metadata.deletionTimestamp, undefined);

    await client.patch(
      PodDisruptionBudgets,
      { namespace, name: "web" },
      { type: "merge", body: { spec: { minAvailable: 2 } } },
      signal,
    );
    await untilAllowed(t, "web", 1);
    // At once: the evicted pod's successor is ready soon, and allows the next.
    const answers = await Promise.all([first!, second!].map(({ metadata }) => evict(t, metadata.name)));
    const codes = answers.map((answer) => answer?.code);
    assert.ok(
      codes.includes(429) && codes.includes(undefined),
      `one is allowed, and is taken: ${codes.join()}`,
    );
    const [evicted, kept] = codes[0] === undefined ? [first, second] : [second, first];
    await t.untilList(
      "the evicted one is gone",
      Pods,
      (all) => !all.some((pod) => pod.metadata.uid === evicted?.metadata.uid),
    );
    await client.delete(PodDisruptionBudgets, { namespace, name: "web" }, signal);
    await t.waitGone(PodDisruptionBudgets, { namespace, name: "web" });
    assert.equal(await evict(t, kept!.metadata.name), undefined);
  },
);
