/** Pods as objects: changed, told about, ended and deleted; what their containers do does not matter here. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import type { Pod, ResourceRequirements } from "#api/core/v1/types.gen";
import { isInvalid } from "#apimachinery";
import { retryOnConflict } from "#client";
import { CONTAINER, conformance, newPod, type ConformanceContext } from "../harness/index.ts";

const OTHER_IMAGE = "registry.example.com/main:2";

async function startPod(
  t: ConformanceContext,
  name: string,
  labels: Pod["metadata"]["labels"] = {},
): Promise<Pod> {
  const made = await t.client.create(Pods, newPod(t, name, { labels }), t.signal);
  return t.waitFor(Pods, made.metadata, (now) => now?.status?.phase === "Running");
}

async function namesOf(t: ConformanceContext, labelSelector: string): Promise<readonly string[]> {
  const { items } = await t.client.list(Pods, { namespace: t.namespace, labelSelector }, t.signal);
  return items.map(({ metadata }) => metadata.name).toSorted();
}

conformance("[sig-node] Pods should be updated [NodeConformance]", { containers: true }, async (t) => {
  const { client, signal } = t;
  const pod = await startPod(t, "p", { time: "before" });
  await retryOnConflict(async () => {
    const now = await client.get(Pods, pod.metadata, signal);
    await client.update(Pods, { ...now, metadata: { ...now.metadata, labels: { time: "after" } } }, signal);
  }, signal);
  assert.deepEqual(await namesOf(t, "time=after"), ["p"]);
  assert.deepEqual(await namesOf(t, "time=before"), []);
  const containers = [{ ...pod.spec!.containers[0]!, image: OTHER_IMAGE }];
  await retryOnConflict(async () => {
    const now = await client.get(Pods, pod.metadata, signal);
    await client.update(Pods, { ...now, spec: { ...now.spec!, containers } }, signal);
  }, signal);
  const restarted = await t.waitFor(Pods, pod.metadata, (now) =>
    (now?.status?.containerStatuses ?? []).some((one) => one.restartCount === 1 && one.ready),
  );
  assert.equal(restarted.metadata.uid, pod.metadata.uid);
  // a runtime says one of all names that an image has: it is the same one
  assert.equal(restarted.spec?.containers[0]?.image, OTHER_IMAGE);
  // Most of a pod is what it is.
  const body = { spec: { restartPolicy: "Never" } };
  await assert.rejects(client.patch(Pods, pod.metadata, { type: "merge", body }, signal), isInvalid);
});

conformance(
  "[sig-node] Pods should allow activeDeadlineSeconds to be updated [NodeConformance]",
  { containers: true },
  async (t) => {
    const { client, signal } = t;
    const pod = await startPod(t, "p");
    const patch = (seconds: number): Promise<Pod> => {
      const body = { spec: { activeDeadlineSeconds: seconds } };
      return client.patch(Pods, pod.metadata, { type: "merge", body }, signal);
    };
    assert.equal((await patch(300)).spec?.activeDeadlineSeconds, 300);
    await assert.rejects(patch(301), isInvalid);
    await patch(2);
    const failed = await t.waitFor(Pods, pod.metadata, (now) => now?.status?.phase === "Failed");
    assert.equal(failed.status?.reason, "DeadlineExceeded");
    const { terminated } = failed.status.containerStatuses?.[0]?.state ?? {};
    const livedMs = Date.parse(terminated?.finishedAt ?? "") - Date.parse(failed.status.startTime ?? "");
    assert.ok(livedMs >= 2_000, `it lived for ${livedMs} ms`);
  },
);

conformance("[sig-node] Pods should delete a collection of pods", { containers: true }, async (t) => {
  const { client, signal, namespace } = t;
  await Promise.all(["one", "two", "three"].map((name) => startPod(t, name, { type: "testing" })));
  await startPod(t, "other", { type: "else" });
  assert.deepEqual(await namesOf(t, "type=testing"), ["one", "three", "two"]);
  const labelSelector = "type=testing";
  await client.deleteCollection(Pods, { namespace, labelSelector }, signal, { gracePeriodSeconds: 1 });
  await t.untilList("only the other is left", Pods, (all) => all.length === 1);
  assert.deepEqual(await namesOf(t, ""), ["other"]);
});

conformance("[sig-node] Pods should patch a pod status", { containers: true }, async (t) => {
  const { client, signal } = t;
  const pod = await startPod(t, "p");
  const condition = { type: "example.com/Tested", status: "True", reason: "Test", message: "by a test" };
  const body = { spec: { activeDeadlineSeconds: 1 }, status: { conditions: [condition], message: "told" } };
  const patch = { type: "strategic", body } as const;
  const patched = await client.patch(Pods, pod.metadata, patch, signal, { subresource: "status" });
  assert.equal(patched.status?.message, "told");
  assert.equal(patched.spec?.activeDeadlineSeconds, undefined, "the status is all that is written there");
  assert.equal(patched.metadata.generation, pod.metadata.generation);
  const types = patched.status.conditions?.map(({ type }) => type) ?? [];
  assert.ok(types.includes("Ready") && types.includes(condition.type), types.join());
  // What others say stays when the node has more to say.
  await client.patch(
    Pods,
    pod.metadata,
    { type: "strategic", body: { spec: { containers: [{ name: CONTAINER.name, image: OTHER_IMAGE }] } } },
    signal,
  );
  const later = await t.waitFor(
    Pods,
    pod.metadata,
    (now) => now?.status?.containerStatuses?.[0]?.restartCount === 1,
  );
  assert.equal(later.status?.conditions?.find(({ type }) => type === condition.type)?.message, "by a test");
});

conformance(
  "[sig-node] Pods should run through the lifecycle of Pods and PodStatus",
  { containers: true },
  async (t) => {
    const { client, signal, namespace, unique } = t;
    const labelSelector = `made-by=${unique}`;
    const { resourceVersion } = (await client.list(Pods, { namespace }, signal)).metadata;
    const watch = t.watch(Pods, { namespace, labelSelector, resourceVersion: resourceVersion! });
    const made = await client.create(Pods, newPod(t, "p", { labels: { "made-by": unique } }), signal);
    assert.equal(made.status?.phase, "Pending");
    assert.equal((await watch.next()).type, "ADDED");
    await watch.until(
      "it runs",
      (event) => event.type === "MODIFIED" && event.object.status?.phase === "Running",
    );

    const body = { metadata: { labels: { patched: "yes" } } };
    const { metadata } = await client.patch(Pods, made.metadata, { type: "merge", body }, signal);
    assert.deepEqual(metadata.labels, { "made-by": unique, patched: "yes" });
    await watch.until("the patch", ({ object }) => object.metadata.labels?.["patched"] === "yes");

    const status = (await client.getSubresource(Pods, made.metadata, "status", signal)) as Pod;
    assert.equal(status.metadata.uid, made.metadata.uid);
    const updated = await retryOnConflict(async () => {
      const now = await client.get(Pods, made.metadata, signal);
      const conditions = [...(now.status?.conditions ?? []), { type: "example.com/Tested", status: "True" }];
      return client.updateStatus(Pods, { ...now, status: { ...now.status, conditions } }, signal);
    }, signal);
    assert.ok(updated.status?.conditions?.some(({ type }) => type === "example.com/Tested"));
    await watch.until("the status", (event) => {
      const { conditions = [] } = event.type === "MODIFIED" ? (event.object.status ?? {}) : {};
      return conditions.some(({ type }) => type === "example.com/Tested");
    });

    await client.deleteCollection(Pods, { namespace, labelSelector }, signal);
    await watch.until("it has to end", ({ object }) => object.metadata.deletionTimestamp !== undefined);
    await watch.until("its end", ({ type }) => type === "DELETED");
    assert.deepEqual(await namesOf(t, labelSelector), []);
  },
);

conformance(
  "[sig-node] Pods Extended Pods Set QOS Class should be set on Pods with matching resource requests and limits for memory and cpu",
  { containers: true },
  async (t) => {
    const full = { cpu: "100m", memory: "64Mi" };
    const cases: readonly (readonly [name: string, resources: ResourceRequirements, qosClass: string])[] = [
      ["matching", { limits: full, requests: full }, "Guaranteed"],
      ["limits-only", { limits: full }, "Guaranteed"],
      ["less-memory", { limits: full, requests: { ...full, memory: "32Mi" } }, "Burstable"],
      ["cpu-only", { limits: { cpu: "100m" }, requests: { cpu: "100m" } }, "Burstable"],
      ["nothing", {}, "BestEffort"],
    ];
    for (const [name, resources, qosClass] of cases) {
      const spec = { containers: [{ ...CONTAINER, resources }] };
      const made = await t.client.create(Pods, { ...newPod(t, name), spec }, t.signal);
      assert.equal(made.status?.qosClass, qosClass, name);
      const running = await t.waitFor(Pods, made.metadata, (now) => now?.status?.phase === "Running");
      assert.equal(running.status?.qosClass, qosClass, name);
    }
  },
);
