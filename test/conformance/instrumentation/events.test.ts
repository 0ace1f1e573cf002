/** Events, under both of their APIs: core/v1 and events.k8s.io/v1 show the same stored objects. */
import assert from "node:assert/strict";
import { Events as CoreEvents } from "#api/core/v1/event";
import type { Event as CoreEvent } from "#api/core/v1/types.gen";
import { Events } from "#api/events/v1/event";
import type { Event } from "#api/events/v1/types.gen";
import { isNotFound } from "#apimachinery";
import { conformance, type ConformanceContext } from "../harness/index.ts";

const TIME = "2026-01-02T03:04:05.678901Z";
const LABEL = "testevent-set";

function newEvent(t: ConformanceContext, name: string, namespace = t.namespace): Event {
  return {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name, namespace, labels: { [LABEL]: t.unique } },
    regarding: { kind: "Pod", namespace, name: "subject" },
    eventTime: TIME,
    note: "This is a test",
    reason: "Test",
    action: "Do",
    type: "Normal",
    reportingController: "test-controller",
    reportingInstance: "test-node",
  };
}

function newCoreEvent(t: ConformanceContext, name: string, namespace = t.namespace): CoreEvent {
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace, labels: { [LABEL]: t.unique } },
    involvedObject: { kind: "Pod", namespace, name: "subject" },
    message: "This is a test",
    reason: "Test",
    type: "Normal",
    source: { component: "test-controller" },
    count: 1,
  };
}

conformance(
  "[sig-instrumentation] Events API should ensure that an event can be fetched, patched, deleted, and listed",
  async (t) => {
    const { client, namespace, signal } = t;
    const ref = { namespace, name: "event-test" };
    const bySelector = { labelSelector: `${LABEL}=${t.unique}` };
    const listed = async (options: object): Promise<readonly string[]> =>
      (await client.list(Events, options, signal)).items.map(({ metadata }) => metadata.name);
    const created = await client.create(Events, newEvent(t, ref.name), signal);
    assert.equal(created.eventTime, TIME);
    for (const options of [
      { namespace, ...bySelector },
      bySelector,
      { namespace, fieldSelector: "reportingController=test-controller" },
      { namespace, fieldSelector: "regarding.name=subject,reason=Test,type=Normal" },
    ])
      assert.deepEqual(await listed(options), [ref.name], JSON.stringify(options));
    assert.deepEqual(await listed({ namespace, fieldSelector: "reason=Other" }), []);

    const series = { count: 2, lastObservedTime: "2026-01-02T03:05:06.123456Z" };
    const patched = await client.patch(Events, ref, { type: "strategic", body: { series } }, signal);
    assert.deepEqual(patched.series, series);
    const fetched = await client.get(Events, ref, signal);
    const updated = await client.update(
      Events,
      {
        ...fetched,
        series: { ...series, count: 100 },
        metadata: { ...fetched.metadata, labels: { ...fetched.metadata.labels, updated: "yes" } },
      },
      signal,
    );
    assert.equal(updated.series?.count, 100);
    const core = await client.get(CoreEvents, ref, signal);
    assert.deepEqual(
      [core.involvedObject.name, core.message, core.reportingComponent, core.series?.count],
      ["subject", "This is a test", "test-controller", 100],
    );
    // what the new API requires is required
    const { eventTime: _, ...incomplete } = newEvent(t, "incomplete");
    await assert.rejects(client.create(Events, incomplete as Event, signal), { code: 422 });
    await client.delete(Events, ref, signal);
    await assert.rejects(client.get(Events, ref, signal), isNotFound);
    assert.deepEqual(await listed(bySelector), []);
  },
);

conformance("[sig-instrumentation] Events API should delete a collection of events", async (t) => {
  const { client, namespace, signal } = t;
  const other = await t.newNamespace();
  const names = ["event-1", "event-2", "event-3"];
  for (const name of names) await client.create(Events, newEvent(t, name), signal);
  await client.create(Events, { ...newEvent(t, "kept"), metadata: { name: "kept", namespace } }, signal);
  await client.create(Events, newEvent(t, "elsewhere", other), signal);
  const labelSelector = `${LABEL}=${t.unique}`;
  assert.equal((await client.list(Events, { namespace, labelSelector }, signal)).items.length, names.length);
  await client.deleteCollection(Events, { namespace, labelSelector }, signal);
  assert.equal((await client.list(Events, { namespace, labelSelector }, signal)).items.length, 0);
  await client.get(Events, { namespace, name: "kept" }, signal);
  await client.get(Events, { namespace: other, name: "elsewhere" }, signal);
});

conformance("[sig-instrumentation] Events should manage the lifecycle of an event", async (t) => {
  const { client, namespace, signal } = t;
  const ref = { namespace, name: "event-test" };
  await client.create(CoreEvents, newCoreEvent(t, ref.name), signal);
  const everywhere = await client.list(CoreEvents, { labelSelector: `${LABEL}=${t.unique}` }, signal);
  assert.deepEqual(
    everywhere.items.map(({ metadata }) => metadata.namespace),
    [namespace],
  );
  const watch = t.watch(CoreEvents, {
    namespace,
    labelSelector: `${LABEL}=${t.unique}`,
    resourceVersion: everywhere.metadata.resourceVersion!,
  });
  const body = { message: "This is a test event - patched" };
  const patched = await client.patch(CoreEvents, ref, { type: "strategic", body }, signal);
  assert.equal(patched.message, body.message);
  const fetched = await client.get(CoreEvents, ref, signal);
  assert.equal(fetched.message, body.message);
  await client.update(CoreEvents, { ...fetched, count: 2 }, signal);
  assert.equal((await client.get(CoreEvents, ref, signal)).count, 2);
  assert.match(
    await t.kubectl("get", "events"),
    /Normal\s+Test\s+pod\/subject\s+This is a test event - patched/,
  );
  assert.equal((await client.get(Events, ref, signal)).note, body.message);
  await client.delete(CoreEvents, ref, signal);
  await assert.rejects(client.get(CoreEvents, ref, signal), isNotFound);
  for (const type of ["MODIFIED", "MODIFIED", "DELETED"]) assert.equal((await watch.next()).type, type);
});

conformance("[sig-instrumentation] Events should delete a collection of events", async (t) => {
  const { client, namespace, signal } = t;
  for (const name of ["event-1", "event-2", "event-3"])
    await client.create(CoreEvents, newCoreEvent(t, name), signal);
  await client.create(
    CoreEvents,
    { ...newCoreEvent(t, "kept"), metadata: { name: "kept", namespace } },
    signal,
  );
  const labelSelector = `${LABEL}=${t.unique}`;
  await client.deleteCollection(CoreEvents, { namespace, labelSelector }, signal);
  const { items } = await client.list(CoreEvents, { namespace }, signal);
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ["kept"],
  );
});
