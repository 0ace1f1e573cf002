/** 10,000 objects that change at once: controllers look at each a few times, come to rest, and hold nothing up. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock, type Kind, type KubeObject, type OwnerReference } from "#apimachinery";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Namespaces } from "#api/core/v1/namespace";
import type { ConfigMap } from "#api/core/v1/types.gen";
import type { MetricsSink } from "#client";
import { forEachParallel } from "../../src/controllers/batch.ts";
import { startCluster, type Cluster } from "./controllers-cluster.ts";

const OBJECTS = 10_000;
const WATCHED = [ConfigMaps, Namespaces] as unknown as readonly Kind[];
const IN_FLIGHT = 256;
const PATIENCE_MS = 180_000;
const GC = "garbage-collector-controller";

/** What the work queues say of themselves. */
class Queues implements MetricsSink {
  readonly depths = new Map<string, number>();
  readonly deepest = new Map<string, number>();
  reconciles = 0;
  /** Called when anything has changed. */
  onChange: () => void = () => {};

  inc(name: string, labels: Readonly<Record<string, string>>): void {
    if (name === "controller_runtime_reconcile_total" && labels["controller"] === GC) this.reconciles++;
  }

  set(name: string, labels: Readonly<Record<string, string>>, value: number): void {
    if (name !== "workqueue_depth") return;
    const queue = labels["name"] ?? "";
    this.depths.set(queue, value);
    this.deepest.set(queue, Math.max(this.deepest.get(queue) ?? 0, value));
    this.onChange();
  }

  observe(): void {}

  get areEmpty(): boolean {
    return [...this.depths.values()].every((depth) => depth === 0);
  }
}

/** How many changes are handled without anybody else having a turn of the event loop. */
class Turns {
  most = 0;
  #now = 0;

  note(): void {
    if (this.#now++ === 0) setImmediate(() => (this.#now = 0));
    this.most = Math.max(this.most, this.#now);
  }
}

const configMap = (name: string, ownerReferences: readonly OwnerReference[] = []): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default", ownerReferences },
});

async function newOwner({ client, signal }: Cluster, name: string): Promise<OwnerReference> {
  const { metadata } = await client.create(ConfigMaps, configMap(name), signal);
  return { apiVersion: "v1", kind: "ConfigMap", name, uid: metadata.uid! };
}

test(`${OBJECTS} objects get another owner at once, stay with it, and go with it`, async () => {
  const queues = new Queues();
  await using cluster = await startCluster(WATCHED, systemClock, queues);
  const { client, informers, signal } = cluster;
  const owned = new Map<string, number>();
  const turn = new Turns();
  const count = (object: KubeObject, by: number): void => {
    const owner = object.metadata.ownerReferences?.[0]?.name ?? "";
    owned.set(owner, (owned.get(owner) ?? 0) + by);
    turn.note();
    queues.onChange();
  };
  informers.informer(ConfigMaps).addEventHandler({
    onAdd: (object) => count(object, 1),
    onUpdate: (object, old) => (count(old, -1), count(object, 1)),
    onDelete: (object) => count(object, -1),
  });
  const lister = informers.lister(ConfigMaps);
  const has = (name: string): boolean => lister.get(`default/${name}`) !== undefined;
  const names = Array.from({ length: OBJECTS }, (_, i) => `part-${i}`);

  const [first, second] = [await newOwner(cluster, "first"), await newOwner(cluster, "second")];
  await forEachParallel(
    names,
    (name) => client.create(ConfigMaps, configMap(name, [first]), signal),
    IN_FLIGHT,
  );
  const body = { metadata: { ownerReferences: [second] } };
  const before = queues.reconciles;
  await forEachParallel(
    names,
    (name) => client.patch(ConfigMaps, { namespace: "default", name }, { type: "merge", body }, signal),
    IN_FLIGHT,
  );
  await client.delete(ConfigMaps, { namespace: "default", name: "first" }, signal);
  await settled(queues, "the other owner has all", () => owned.get("second") === OBJECTS && !has("first"));
  const looks = queues.reconciles - before;
  // A change, and the end of an owner that was left: no key twice in the queue, nothing again and again.
  assert.ok(looks <= 3 * OBJECTS, `${looks} reconciles`);
  await client.delete(ConfigMaps, { namespace: "default", name: "second" }, signal);
  await settled(queues, "all have gone", () => owned.get("second") === 0);
  const deepest = Math.max(...queues.deepest.values());
  assert.ok(deepest <= OBJECTS + WATCHED.length * 10, `a queue of ${deepest}`);
  assert.ok(turn.most <= OBJECTS / 4, `${turn.most} changes in one turn of the event loop`);
  assert.deepEqual(cluster.errors, []);
});

/** Resolves when `read` says so and nobody has anything to do; asked whenever a queue or an object has changed. */
async function settled(queues: Queues, what: string, read: () => boolean): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = systemClock.after(PATIENCE_MS, () => reject(new Error(`Waited in vain until ${what}`)));
  queues.onChange = () => {
    if (queues.areEmpty && read()) resolve();
  };
  queues.onChange();
  await promise.finally(() => timer.cancel());
}
