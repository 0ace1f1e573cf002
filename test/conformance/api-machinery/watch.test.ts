/** What a watch tells: every change, once, in order, from where the client says. */
import assert from "node:assert/strict";
import { ConfigMaps } from "#api/core/v1/configmap";
import type { ConfigMap } from "#api/core/v1/types.gen";
import type { WatchEvent } from "#apimachinery";
import { conformance, type ConformanceContext, type WatchRecorder } from "../harness/index.ts";

const LABEL = "watch-this-configmap";

function configMap(t: ConformanceContext, name: string, label: string): ConfigMap {
  const metadata = { name, namespace: t.namespace, labels: { [LABEL]: label } };
  return { apiVersion: "v1", kind: "ConfigMap", metadata };
}

function create(t: ConformanceContext, name: string, label: string): Promise<ConfigMap> {
  return t.client.create(ConfigMaps, configMap(t, name, label), t.signal);
}

/** The first write is `mutation: "1"`. */
function mutate(t: ConformanceContext, name: string, mutation: number): Promise<ConfigMap> {
  const body = { data: { mutation: String(mutation) } };
  return t.client.patch(ConfigMaps, { namespace: t.namespace, name }, { type: "merge", body }, t.signal);
}

function remove(t: ConformanceContext, name: string): Promise<void> {
  return t.client.delete(ConfigMaps, { namespace: t.namespace, name }, t.signal);
}

async function now(t: ConformanceContext): Promise<string> {
  const { metadata } = await t.client.list(ConfigMaps, { namespace: t.namespace }, t.signal);
  return metadata.resourceVersion!;
}

function watch(
  t: ConformanceContext,
  resourceVersion: string,
  labelSelector: string,
): WatchRecorder<ConfigMap> {
  return t.watch(ConfigMaps, { namespace: t.namespace, labelSelector, resourceVersion });
}

/** `ADDED a`, `MODIFIED a 1`: with the mutation that the object shows. */
function told(event: WatchEvent<ConfigMap>): string {
  assert.notEqual(event.type, "ERROR", JSON.stringify(event.object));
  const { metadata, data } = event.object as ConfigMap;
  return [event.type, metadata.name, ...(data?.["mutation"] === undefined ? [] : [data["mutation"]])].join(
    " ",
  );
}

async function expectTold(recorder: WatchRecorder<ConfigMap>, expected: readonly string[]): Promise<void> {
  for (const line of expected) assert.equal(told(await recorder.next()), line);
}

/** That a watch says no more can be seen only after it has told of something that came later. */
async function endsWith(
  t: ConformanceContext,
  watches: readonly WatchRecorder<ConfigMap>[],
  label: string,
): Promise<void> {
  const name = `end-of-${label}`;
  await create(t, name, label);
  for (const recorder of watches) assert.equal(told(await recorder.next()), `ADDED ${name}`);
}

conformance(
  "[sig-api-machinery] Watchers should observe add, update, and delete watch notifications on configmaps",
  async (t) => {
    const start = await now(t);
    const [ofA, ofB, ofBoth] = [`${LABEL}=a`, `${LABEL}=b`, `${LABEL} in (a, b)`].map((selector) =>
      watch(t, start, selector),
    );
    await create(t, "first", "a");
    await mutate(t, "first", 1);
    await mutate(t, "first", 2);
    await remove(t, "first");
    await create(t, "second", "b");
    await remove(t, "second");
    const firsts = ["ADDED first", "MODIFIED first 1", "MODIFIED first 2", "DELETED first 2"];
    const seconds = ["ADDED second", "DELETED second"];
    await expectTold(ofA!, firsts);
    await expectTold(ofB!, seconds);
    await expectTold(ofBoth!, [...firsts, ...seconds]);
    await endsWith(t, [ofA!, ofBoth!], "a");
    await endsWith(t, [ofB!, ofBoth!], "b");
  },
);

conformance(
  "[sig-api-machinery] Watchers should be able to start watching from a specific resource version",
  async (t) => {
    const { metadata } = await create(t, "map", "from");
    const first = await mutate(t, "map", 1);
    await mutate(t, "map", 2);
    await remove(t, "map");
    const afterFirst = watch(t, first.metadata.resourceVersion!, `${LABEL}=from`);
    await expectTold(afterFirst, ["MODIFIED map 2", "DELETED map 2"]);
    const afterCreation = watch(t, metadata.resourceVersion!, `${LABEL}=from`);
    await expectTold(afterCreation, ["MODIFIED map 1", "MODIFIED map 2", "DELETED map 2"]);
    await endsWith(t, [afterFirst, afterCreation], "from");
  },
);

conformance(
  "[sig-api-machinery] Watchers should be able to restart watching from the last resource version observed by the previous watch",
  async (t) => {
    const first = watch(t, await now(t), `${LABEL}=restart`);
    await create(t, "map", "restart");
    await mutate(t, "map", 1);
    await expectTold(first, ["ADDED map"]);
    const last = await first.next();
    assert.equal(told(last), "MODIFIED map 1");
    await mutate(t, "map", 2);
    await remove(t, "map");
    const second = watch(t, (last.object as ConfigMap).metadata.resourceVersion!, `${LABEL}=restart`);
    await expectTold(second, ["MODIFIED map 2", "DELETED map 2"]);
    await endsWith(t, [second], "restart");
  },
);

conformance(
  "[sig-api-machinery] Watchers should observe an object deletion if it stops meeting the requirements of the selector",
  async (t) => {
    const recorder = watch(t, await now(t), `${LABEL}=in`);
    const relabel = async (label: string): Promise<void> => {
      const body = { metadata: { labels: { [LABEL]: label } } };
      const ref = { namespace: t.namespace, name: "map" };
      await t.client.patch(ConfigMaps, ref, { type: "merge", body }, t.signal);
    };
    await create(t, "map", "in");
    await mutate(t, "map", 1);
    await relabel("out");
    await mutate(t, "map", 2);
    await relabel("in");
    await mutate(t, "map", 3);
    await remove(t, "map");
    await expectTold(recorder, [
      "ADDED map",
      "MODIFIED map 1",
      "DELETED map 1",
      "ADDED map 2",
      "MODIFIED map 3",
      "DELETED map 3",
    ]);
    await endsWith(t, [recorder], "in");
  },
);

conformance(
  "[sig-api-machinery] Watchers should receive events on concurrent watches in same order",
  async (t) => {
    const WRITERS = 5;
    const ROUNDS = 20;
    const start = await now(t);
    const recorders = [watch(t, start, `${LABEL}=order`)];
    const versions: string[] = [];
    const write = async (writer: number): Promise<void> => {
      for (let round = 0; round < ROUNDS; round++) {
        const name = `map-${writer}-${round % 3}`;
        const isThere = round >= 3;
        const { metadata } = await (isThere ? mutate(t, name, round) : create(t, name, "order"));
        versions.push(metadata.resourceVersion!);
        if (round % 4 === 0) recorders.push(watch(t, start, `${LABEL}=order`));
        // one that starts in the midst of it all, where this writer is
        if (round === 10) recorders.push(watch(t, metadata.resourceVersion!, `${LABEL}=order`));
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
    await create(t, "last", "order");
    for (const recorder of recorders)
      await recorder.until("the last map", ({ object }) => (object as ConfigMap).metadata.name === "last");
    const orders = recorders.map(({ events }) =>
      events.map(({ object }) => (object as ConfigMap).metadata.resourceVersion!),
    );
    const whole = orders[0]!;
    assert.equal(whole.length, WRITERS * ROUNDS + 1);
    assert.deepEqual(new Set(whole.slice(0, -1)), new Set(versions));
    for (const order of orders) assert.deepEqual(order, whole.slice(whole.length - order.length));
    assert.ok(orders.some(({ length }) => length < whole.length));
  },
);
