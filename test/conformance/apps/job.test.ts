/** Jobs as objects, the pods that are theirs, and failures that are retried, ignored or final. */
import assert from "node:assert/strict";
import { Jobs } from "#api/batch/v1/job";
import type { Job } from "#api/batch/v1/types.gen";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { conformance, WEB_IMAGE } from "../harness/index.ts";
import { expectPods, checkStatus } from "./workload-operations.ts";
import { hasTrue, isControlledBy, newJob, setLabels, whyEnded } from "./workloads.ts";

conformance("[sig-apps] Job should adopt matching orphans and release non-matching pods", async (t) => {
  const { client, signal, namespace } = t;
  const job = await client.create(Jobs, newJob(t, "work", [], { parallelism: 2, completions: 2 }), signal);
  const { uid } = job.metadata;
  const [pod] = await t.untilList("two pods", Pods, (all) => all.length === 2 && all);
  const orphaned = await client.patch(
    Pods,
    pod!.metadata,
    { type: "json", body: [{ op: "remove", path: "/metadata/ownerReferences" }] },
    signal,
  );
  assert.equal(orphaned.metadata.ownerReferences, undefined);
  // What the cache shows may be older than the orphan.
  const isLater = ({ metadata }: Pod): boolean =>
    Number(metadata.resourceVersion) > Number(orphaned.metadata.resourceVersion);
  const adopted = await t.waitFor(
    Pods,
    pod!.metadata,
    (now) => now !== undefined && isLater(now) && isControlledBy(now, uid),
  );
  assert.equal(adopted.metadata.uid, pod?.metadata.uid);
  assert.equal((await client.list(Pods, { namespace }, signal)).items.length, 2, "none was made beside it");
  await setLabels(t, pod!.metadata.name, {});
  const released = await t.waitFor(
    Pods,
    pod!.metadata,
    (now) => now !== undefined && !isControlledBy(now, uid),
  );
  assert.deepEqual(released.metadata.finalizers ?? [], [], "nobody counts it any more");
  await t.untilList(
    "another in its place",
    Pods,
    (all) => all.filter((one) => isControlledBy(one, uid)).length === 2,
  );
});

conformance("[sig-apps] Job should delete a job", async (t) => {
  const { client, signal, namespace } = t;
  const job = await client.create(Jobs, newJob(t, "work", [], { parallelism: 2, completions: 4 }), signal);
  await t.waitFor(Jobs, job.metadata, (now) => now?.status?.active === 2 && now.status.ready === 2);
  const pods = await client.list(
    Pods,
    { namespace, labelSelector: "batch.kubernetes.io/job-name=work" },
    signal,
  );
  assert.equal(pods.items.length, 2);
  for (const pod of pods.items) assert.ok(isControlledBy(pod, job.metadata.uid));
  await client.delete(Jobs, job.metadata, signal, { propagationPolicy: "Foreground" });
  await t.waitGone(Jobs, job.metadata);
  assert.deepEqual((await client.list(Pods, { namespace }, signal)).items, []);
});

conformance("[sig-apps] Job should apply changes to a job status", async (t) => {
  const { client, signal, namespace } = t;
  const ref = { namespace, name: "work" };
  await client.create(Jobs, newJob(t, "work", [], { parallelism: 2, completions: 2 }), signal);
  await t.waitFor(Jobs, ref, (now) => now?.status?.ready === 2);
  const body = { metadata: { annotations: { patched: "yes" } }, spec: { parallelism: 1 } };
  const patched = await client.patch(Jobs, ref, { type: "merge", body }, signal, { subresource: "status" });
  assert.equal(patched.metadata.annotations?.["patched"], "yes");
  assert.equal(patched.spec?.parallelism, 2, "the spec is not written by way of the status");
  await checkStatus(t, Jobs, ref);
  const last = (await client.getSubresource(Jobs, ref, "status", signal)) as Job;
  assert.equal(last.metadata.annotations?.["patched"], "yes");
  assert.ok(hasTrue(last.status?.conditions, "StatusPatched"));
});

conformance("[sig-apps] Job should manage the lifecycle of a job", async (t) => {
  const { client, signal, namespace, unique } = t;
  const ref = { namespace, name: "work" };
  const made = await client.create(
    Jobs,
    newJob(t, "work", ["true"], { suspend: true, completions: 1 }),
    signal,
  );
  const watch = t.watch(Jobs, { namespace, resourceVersion: made.metadata.resourceVersion! });
  await t.waitFor(Jobs, ref, (now) => hasTrue(now?.status?.conditions, "Suspended"));
  await expectPods(t, "work", 0);
  const byLabel = { type: "strategic", body: { metadata: { labels: { life: unique } } } } as const;
  const patched = await client.patch(Jobs, ref, byLabel, signal);
  assert.deepEqual(patched.metadata.labels, { app: "work", life: unique });
  await watch.until(
    "the label",
    ({ type, object }) => type === "MODIFIED" && object.metadata.labels?.["life"] === unique,
  );

  const annotations = { updated: "yes" };
  const spec = { ...patched.spec!, suspend: false };
  const updated = await client.update(
    Jobs,
    { ...patched, metadata: { ...patched.metadata, annotations }, spec },
    signal,
  );
  assert.deepEqual(updated.metadata.annotations, annotations);
  const done = await t.waitFor(Jobs, ref, (now) => hasTrue(now?.status?.conditions, "Complete"));
  assert.equal(done.status?.succeeded, 1);
  const found = await client.list(Jobs, { labelSelector: `life=${unique}` }, signal);
  assert.deepEqual(
    found.items.map(({ metadata }) => metadata.uid),
    [made.metadata.uid],
  );
  await client.deleteCollection(Jobs, { namespace, labelSelector: `life=${unique}` }, signal, {
    propagationPolicy: "Background",
  });
  await watch.until("the deletion", ({ type }) => type === "DELETED");
  assert.deepEqual((await client.list(Jobs, { labelSelector: `life=${unique}` }, signal)).items, []);
  await t.untilList("its pods are gone", Pods, (all) => all.length === 0);
});

conformance(
  "[sig-apps] Job should allow to use the pod failure policy on exit code to fail the job early",
  async (t) => {
    const { client, signal, namespace } = t;
    const onExitCodes = { containerName: "main", operator: "In", values: [41, 42] } as const;
    const podFailurePolicy = { rules: [{ action: "FailJob", onExitCodes }] } as const;
    const spec = { completions: 4, parallelism: 1, backoffLimit: 6, podFailurePolicy };
    const job = await client.create(Jobs, newJob(t, "work", ["sh", "-c", "exit 42"], spec), signal);
    const failed = await t.waitFor(Jobs, job.metadata, (now) => hasTrue(now?.status?.conditions, "Failed"));
    assert.equal(whyEnded(failed, "Failed"), "PodFailurePolicy");
    assert.equal(whyEnded(failed, "FailureTarget"), "PodFailurePolicy");
    const { items } = await client.list(Pods, { namespace }, signal);
    assert.equal(items.length, 1, "there was no second try");
    const message = `Container main for pod ${namespace}/${items[0]?.metadata.name} failed with exit code 42 matching FailJob rule at index 0`;
    assert.equal(failed.status?.conditions?.find(({ type }) => type === "Failed")?.message, message);
    assert.deepEqual([failed.status?.failed, failed.status?.active], [1, undefined]);
  },
);

conformance(
  "[sig-apps] Job should allow to use a pod failure policy to ignore failure matching on DisruptionTarget condition",
  { containers: true },
  async (t) => {
    const { client, signal, namespace } = t;
    const job = newJob(t, "work", [], {
      completions: 2,
      parallelism: 2,
      completionMode: "Indexed",
      backoffLimit: 0,
      podFailurePolicy: {
        rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }],
      },
    });
    // Runs until it is told that it may succeed; asked to end, it fails.
    const script = "trap 'exit 1' TERM; until [ -e /tmp/done ]; do sleep 0.1; done";
    const containers = [{ name: "main", image: WEB_IMAGE, command: ["sh", "-c", script] }];
    const template = { spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 5, containers } };
    await client.create(Jobs, { ...job, spec: { ...job.spec!, template } }, signal);
    const first = await t.untilList(
      "both run",
      Pods,
      (all) => all.length === 2 && all.every(({ status }) => status?.phase === "Running") && all,
    );
    const [victim] = first;
    const { name, uid } = victim!.metadata;
    const { metadata } = await client.list(Pods, { namespace }, signal);
    const watch = t.watch(Pods, { namespace, resourceVersion: metadata.resourceVersion! });
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } };
    await client.createSubresource(Pods, { namespace, name }, "eviction", eviction, signal);
    await watch.until("its failure by disruption", ({ type, object }) => {
      if (type !== "MODIFIED" || object.metadata.uid !== uid) return false;
      return object.status?.phase === "Failed" && hasTrue(object.status.conditions, "DisruptionTarget");
    });
    const second = await t.untilList("another runs in its place", Pods, (all) => {
      const others = all.filter((pod) => pod.metadata.uid !== uid && pod.status?.phase === "Running");
      return others.length === 2 && others;
    });
    for (const pod of second) await t.kubectl("exec", pod.metadata.name, "--", "touch", "/tmp/done");
    const done = await t.waitFor(Jobs, { namespace, name: "work" }, (now) =>
      hasTrue(now?.status?.conditions, "Complete"),
    );
    assert.deepEqual([done.status?.completedIndexes, done.status?.failed], ["0,1", undefined]);
  },
);

conformance(
  "[sig-apps] Job should run a job to completion when tasks sometimes fail and are locally restarted",
  { containers: true },
  async (t) => {
    const job = newJob(t, "work", [], { completions: 4, parallelism: 2 });
    // The volume stays while the container is restarted.
    const script = "[ -e /data/failed ] && exit 0; touch /data/failed; exit 1";
    const volumeMounts = [{ name: "data", mountPath: "/data" }];
    const containers = [{ name: "main", image: WEB_IMAGE, command: ["sh", "-c", script], volumeMounts }];
    const template = {
      spec: { restartPolicy: "OnFailure", containers, volumes: [{ name: "data", emptyDir: {} }] },
    };
    await t.client.create(Jobs, { ...job, spec: { ...job.spec!, template } }, t.signal);
    const done = await t.waitFor(Jobs, job.metadata, (now) => hasTrue(now?.status?.conditions, "Complete"), {
      timeoutMs: 120_000,
    });
    assert.deepEqual([done.status?.succeeded, done.status?.failed], [4, undefined]);
    const { items } = await t.client.list(Pods, { namespace: t.namespace }, t.signal);
    assert.deepEqual(
      items.map(({ status }) => [status?.phase, status?.containerStatuses?.[0]?.restartCount]),
      Array.from({ length: 4 }, () => ["Succeeded", 1]),
    );
  },
);
