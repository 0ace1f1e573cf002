/** `metadata.generation` of a pod counts what is wanted; `observedGeneration` says how much of it the node has seen. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { CONTAINER, conformance, newPod, type ConformanceContext } from "../harness/index.ts";

const GENERATION = "[sig-node] Pods Extended (pod generation) Pod Generation";
const UPDATES = 500;

type Body = Readonly<Record<string, unknown>>;

/** Resolves when the node tells of the pod as it is wanted now, in its status and in all its own conditions. */
async function untilObserved(t: ConformanceContext, name: string, generation: number): Promise<void> {
  const pod = await t.waitFor(
    Pods,
    { namespace: t.namespace, name },
    (now) => now?.status?.observedGeneration === generation && now.status.phase === "Running",
  );
  assert.equal(pod.metadata.generation, generation);
  const ready = pod.status?.conditions?.find(({ type }) => type === "ContainersReady");
  assert.equal(ready?.observedGeneration, generation);
}

async function patch(t: ConformanceContext, name: string, body: Body, subresource?: string): Promise<Pod> {
  const ref = { namespace: t.namespace, name };
  const options = subresource === undefined ? {} : { subresource };
  return t.client.patch(Pods, ref, { type: "strategic", body }, t.signal, options);
}

conformance(
  `${GENERATION} pod generation should start at 1 and increment per update`,
  { containers: true },
  async (t) => {
    const pod = newPod(t, "p");
    const made = await t.client.create(
      Pods,
      { ...pod, spec: { ...pod.spec!, activeDeadlineSeconds: 10_000 } },
      t.signal,
    );
    assert.equal(made.metadata.generation, 1);
    await untilObserved(t, "p", 1);
    const tolerations = [{ key: "example.com/new", operator: "Exists", effect: "NoSchedule" }];
    const { spec } = await t.client.get(Pods, made.metadata, t.signal);
    const steps: readonly (readonly [body: Body, subresource?: string])[] = [
      [{ spec: { containers: [{ name: CONTAINER.name, image: "registry.example.com/main:2" }] } }],
      [{ spec: { activeDeadlineSeconds: 9_000 } }],
      [{ spec: { tolerations: [...spec!.tolerations!, ...tolerations] } }],
      [{ spec: { ephemeralContainers: [{ name: "debug", image: CONTAINER.image }] } }, "ephemeralcontainers"],
    ];
    for (const [i, [body, subresource]] of steps.entries()) {
      const changed = await patch(t, "p", body, subresource);
      assert.equal(changed.metadata.generation, i + 2, JSON.stringify(body));
      await untilObserved(t, "p", i + 2);
    }
    // Only the spec counts.
    const last = steps.length + 1;
    const labelled = await patch(t, "p", { metadata: { labels: { a: "b" }, annotations: { c: "d" } } });
    assert.equal(labelled.metadata.generation, last);
    const condition = { type: "example.com/Tested", status: "True" };
    const told = await patch(t, "p", { status: { conditions: [condition] } }, "status");
    assert.equal(told.metadata.generation, last);
    const same = await patch(t, "p", { spec: { activeDeadlineSeconds: 9_000 } });
    assert.equal(same.metadata.generation, last);
  },
);

conformance(
  `${GENERATION} custom-set generation on new pods and graceful delete`,
  { containers: true },
  async (t) => {
    const { client, signal } = t;
    const finalizers = ["example.com/held"];
    const made = await client.create(Pods, newPod(t, "p", { generation: 100, finalizers }), signal);
    assert.equal(made.metadata.generation, 1, "nobody chooses it");
    const { metadata } = await patch(t, "p", { metadata: { generation: 200, labels: { a: "b" } } });
    assert.equal(metadata.generation, 1);
    await untilObserved(t, "p", 1);
    await client.delete(Pods, made.metadata, signal);
    const deleted = await client.get(Pods, made.metadata, signal);
    assert.ok(deleted.metadata.deletionTimestamp, "it ends gracefully");
    assert.equal(deleted.metadata.generation, 2, "that it has to end is wanted of it");
    await t.waitFor(Pods, made.metadata, (now) => now?.status?.observedGeneration === 2);
    await patch(t, "p", { metadata: { finalizers: null } });
    await t.waitGone(Pods, made.metadata);
  },
);

conformance(
  `${GENERATION} issue 500 podspec updates and verify generation and observedGeneration eventually converge`,
  { containers: true },
  async (t) => {
    const pod = newPod(t, "p");
    const spec = { ...pod.spec!, activeDeadlineSeconds: 10_000 };
    await t.client.create(Pods, { ...pod, spec }, t.signal);
    for (let i = 1; i <= UPDATES; i++) {
      const { metadata } = await patch(t, "p", { spec: { activeDeadlineSeconds: 10_000 - i } });
      assert.equal(metadata.generation, i + 1);
    }
    await untilObserved(t, "p", UPDATES + 1);
  },
);
