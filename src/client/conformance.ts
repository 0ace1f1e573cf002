/** The contract of `Transport`, and of the client on it, as a test suite; each transport runs it unchanged. @module */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  isAlreadyExists,
  isConflict,
  isNotFound,
  type Kind,
  type KubeObject,
  type WatchEvent,
} from "#apimachinery";
import type { Event } from "#api/core/v1/types.gen";
import type { Client } from "./client.ts";
import { discover } from "./discovery.ts";
import { dynamicKind } from "./dynamic.ts";
import { newEventRecorder } from "./event-recorder.ts";
import { newInformerFactory } from "./informer-factory.ts";
import { runLeaderElection } from "./leader-election.ts";
import { listAll } from "./list-all.ts";
import { metadataKind, newMetadataClient } from "./metadata.ts";
import { newClient } from "./rest-client.ts";
import { newRestMapper } from "./rest-mapper.ts";
import { retryOnConflict } from "./retry.ts";
import type { Transport } from "./transport.ts";

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

const core = { group: "", version: "v1", namespaced: true };
const ConfigMaps = dynamicKind({
  ...core,
  kind: "ConfigMap",
  plural: "configmaps",
}) as unknown as Kind<ConfigMap>;
const Events = dynamicKind({ ...core, kind: "Event", plural: "events" }) as unknown as Kind<Event>;

/** Longest time of one test. */
const TEST_MS = 60_000;
const namespace = "default";

function configMap(name: string, value: string, labels: Record<string, string> = {}): ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, labels }, data: { value } };
}

interface Context {
  readonly transport: Transport;
  readonly client: Client;
  readonly signal: AbortSignal;
}

type Check = (context: Context) => Promise<void>;

/** The server behind `open` has the namespace `default`, and everything is allowed. `close` ends the transport. */
export function transportConformance(
  name: string,
  open: () => Promise<{ readonly transport: Transport; readonly close: () => Promise<void> }>,
): void {
  suite(`Transport contract: ${name}`, () => {
    for (const [title, check] of Object.entries(checks)) {
      test(title, async () => {
        const { transport, close } = await open();
        const stop = new AbortController();
        const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(TEST_MS)]);
        try {
          await check({ transport, client: newClient(transport, { userAgent: "conformance" }), signal });
        } finally {
          stop.abort();
          await close();
        }
      });
    }
  });
}

const checks: Readonly<Record<string, Check>> = {
  "create(), get(), update(), delete() work, and fail with the API's reasons": readAndWrite,
  "patch() changes what it names": patch,
  "list() pages, and listAll() gives every object once": pages,
  "watch() from a list misses nothing and repeats nothing": watch,
  "watch() streams the list first when asked to": streamList,
  "watch() ends quietly when its signal aborts": watchAbort,
  "request() rejects when its signal has aborted": requestAbort,
  "SharedInformer follows the server": informer,
  "runLeaderElection() hands over between two candidates": leaderElection,
  "EventRecorder counts repeats up": events,
  "discover() and the RESTMapper find what is served": discovery,
  "newMetadataClient() answers with metadata alone": metadata,
};

async function readAndWrite({ client, signal }: Context): Promise<void> {
  const created = await client.create(ConfigMaps, configMap("rw", "1"), signal);
  assert.match(created.metadata.uid ?? "", /^[0-9a-f-]{36}$/);
  await assert.rejects(client.create(ConfigMaps, configMap("rw", "1"), signal), isAlreadyExists);
  const updated = await client.update(ConfigMaps, { ...created, data: { value: "2" } }, signal);
  assert.notEqual(updated.metadata.resourceVersion, created.metadata.resourceVersion);
  await assert.rejects(client.update(ConfigMaps, { ...created, data: { value: "3" } }, signal), isConflict);
  await retryOnConflict(async () => {
    const fresh = await client.get(ConfigMaps, created.metadata, signal);
    return client.update(ConfigMaps, { ...fresh, data: { value: "4" } }, signal);
  }, signal);
  assert.deepEqual((await client.get(ConfigMaps, created.metadata, signal)).data, { value: "4" });
  await client.delete(ConfigMaps, created.metadata, signal, { dryRun: "All" });
  await assert.rejects(
    client.delete(ConfigMaps, created.metadata, signal, { preconditions: { uid: "another" } }),
    isConflict,
  );
  await client.delete(ConfigMaps, created.metadata, signal);
  await assert.rejects(client.get(ConfigMaps, created.metadata, signal), isNotFound);
}

async function patch({ client, signal }: Context): Promise<void> {
  const { metadata: ref } = await client.create(ConfigMaps, configMap("patched", "1"), signal);
  await client.patch(ConfigMaps, ref, { type: "merge", body: { data: { merged: "yes" } } }, signal);
  const body = [{ op: "replace", path: "/data/value", value: "2" }];
  const patched = await client.patch(ConfigMaps, ref, { type: "json", body }, signal);
  assert.deepEqual(patched.data, { value: "2", merged: "yes" });
}

async function pages({ client, signal }: Context): Promise<void> {
  const labels = { suite: "pages" };
  for (const name of ["a", "b", "c", "d", "e"])
    await client.create(ConfigMaps, configMap(name, "1", labels), signal);
  const options = { namespace, labelSelector: "suite=pages", limit: 2 };
  const page = await client.list(ConfigMaps, options, signal);
  assert.equal(page.items.length, 2);
  assert.notEqual(page.metadata.continue ?? "", "");
  const found = await Array.fromAsync(
    listAll(client, ConfigMaps, options, signal),
    (object) => object.metadata.name,
  );
  assert.deepEqual(found, ["a", "b", "c", "d", "e"]);
}

async function watch({ client, signal }: Context): Promise<void> {
  await client.create(ConfigMaps, configMap("before", "1"), signal);
  const { resourceVersion = "" } = (await client.list(ConfigMaps, { namespace }, signal)).metadata;
  const watching = take(3, client.watch(ConfigMaps, { namespace, resourceVersion }, signal));
  const created = await client.create(ConfigMaps, configMap("watched", "1"), signal);
  const updated = await client.update(ConfigMaps, { ...created, data: { value: "2" } }, signal);
  await client.delete(ConfigMaps, created.metadata, signal);
  const seen = await watching;
  assert.deepEqual(seen.map(show), ["ADDED watched", "MODIFIED watched", "DELETED watched"]);
  assert.deepEqual(seen[1]!.object, updated);
}

async function streamList({ client, signal }: Context): Promise<void> {
  for (const name of ["a", "b"]) await client.create(ConfigMaps, configMap(name, "1"), signal);
  const options = {
    namespace,
    resourceVersion: "",
    resourceVersionMatch: "NotOlderThan",
    sendInitialEvents: true,
    allowWatchBookmarks: true,
  } as const;
  const watching = take(4, client.watch(ConfigMaps, options, signal), (event) => {
    if (event.type === "BOOKMARK") void client.create(ConfigMaps, configMap("c", "1"), signal);
  });
  assert.deepEqual((await watching).map(show), ["ADDED a", "ADDED b", "BOOKMARK ", "ADDED c"]);
}

async function watchAbort({ client, signal }: Context): Promise<void> {
  const stop = new AbortController();
  const both = AbortSignal.any([stop.signal, signal]);
  const { resourceVersion = "" } = (await client.list(ConfigMaps, { namespace }, signal)).metadata;
  const watching = take(5, client.watch(ConfigMaps, { namespace, resourceVersion }, both), () =>
    stop.abort(),
  );
  await client.create(ConfigMaps, configMap("abort", "1"), signal);
  assert.deepEqual((await watching).map(show), ["ADDED abort"]);
}

async function requestAbort({ client }: Context): Promise<void> {
  const reason = new Error("changed my mind");
  await assert.rejects(client.list(ConfigMaps, {}, AbortSignal.abort(reason)), reason);
}

async function informer({ client, signal }: Context): Promise<void> {
  const stop = new AbortController();
  const factory = newInformerFactory({ client });
  const labelled = factory.informerFor(ConfigMaps, { namespace, labelSelector: "informed" });
  const told: string[] = [];
  const enough = Promise.withResolvers<void>();
  const tell = (what: string): void => {
    told.push(what);
    if (what === "delete b") enough.resolve();
  };
  labelled.addEventHandler({
    onAdd: (object, initial) => tell(`${initial ? "initial" : "add"} ${object.metadata.name}`),
    onUpdate: (object, old) =>
      tell(`update ${object.metadata.name} ${old.data?.["value"]}${object.data?.["value"]}`),
    onDelete: (object) => tell(`delete ${object.metadata.name}`),
  });
  const labels = { informed: "yes" };
  const a = await client.create(ConfigMaps, configMap("a", "1", labels), signal);
  factory.start(stop.signal);
  await factory.waitForSync(signal);
  await client.create(ConfigMaps, configMap("not", "1"), signal);
  const b = await client.create(ConfigMaps, configMap("b", "1", labels), signal);
  await client.update(ConfigMaps, { ...a, data: { value: "2" } }, signal);
  await client.delete(ConfigMaps, b.metadata, signal);
  await enough.promise;
  assert.deepEqual(told, ["initial a", "add b", "update a 12", "delete b"]);
  assert.deepEqual(labelled.lister.get("default/a")?.data, { value: "2" });
  stop.abort();
  await factory.stopped();
}

async function leaderElection({ client, signal }: Context): Promise<void> {
  const log: string[] = [];
  const candidate = (
    identity: string,
  ): { stop: AbortController; started: Promise<void>; done: Promise<void> } => {
    const stop = new AbortController();
    const started = Promise.withResolvers<void>();
    const done = runLeaderElection(
      {
        client,
        lease: { namespace, name: "conformance" },
        identity,
        leaseDurationMs: 3_000,
        renewDeadlineMs: 2_000,
        retryPeriodMs: 50,
        onStartedLeading: (working) => {
          log.push(`${identity} starts`);
          started.resolve();
          return new Promise((resolve) => working.addEventListener("abort", () => resolve()));
        },
        onStoppedLeading: () => void log.push(`${identity} stops`),
      },
      AbortSignal.any([stop.signal, signal]),
    );
    return { stop, started: started.promise, done };
  };
  const a = candidate("a");
  await a.started;
  const b = candidate("b");
  a.stop.abort();
  await a.done;
  await b.started;
  b.stop.abort();
  await b.done;
  assert.deepEqual(log, ["a starts", "a stops", "b starts", "b stops"]);
}

async function events({ client, signal }: Context): Promise<void> {
  const about = await client.create(ConfigMaps, configMap("eventful", "1"), signal);
  const recorder = newEventRecorder({ client, component: "conformance" }, signal);
  for (let i = 0; i < 3; i++) recorder.event(about, "Normal", "Tested", "It was tested");
  await recorder.flush();
  const fieldSelector = "involvedObject.name=eventful";
  const { items } = await client.list(Events, { namespace, fieldSelector }, signal);
  assert.deepEqual(
    items.map(({ count, reason }) => `${count}x ${reason}`),
    ["3x Tested"],
  );
}

async function discovery({ transport, signal }: Context): Promise<void> {
  const { groups } = await discover(transport, signal);
  assert(groups.some(({ name }) => name === "apps"));
  const mapper = newRestMapper(transport);
  assert.equal((await mapper.resourceFor("deploy", signal))?.kind, "Deployment");
  assert.equal((await mapper.kindFor({ group: "", kind: "ConfigMap" }, signal))?.names.plural, "configmaps");
}

async function metadata({ transport, client, signal }: Context): Promise<void> {
  await client.create(ConfigMaps, configMap("partial", "secret"), signal);
  const partial = newMetadataClient(transport);
  const kind = metadataKind(ConfigMaps);
  const one = await partial.get(kind, { namespace, name: "partial" }, signal);
  assert.equal(one.kind, "PartialObjectMetadata");
  assert(!("data" in one));
  const { items } = await partial.list(kind, { namespace }, signal);
  assert.deepEqual(
    items.map((item) => [item.kind, item.metadata.name, "data" in item]),
    [["PartialObjectMetadata", "partial", false]],
  );
}

async function take<T extends KubeObject>(
  count: number,
  watching: AsyncIterable<WatchEvent<T>>,
  onEvent: (event: WatchEvent<T>) => void = () => {},
): Promise<WatchEvent<T>[]> {
  const seen: WatchEvent<T>[] = [];
  for await (const event of watching) {
    seen.push(event);
    onEvent(event);
    if (seen.length === count) break;
  }
  return seen;
}

function show(event: WatchEvent): string {
  return event.type === "ERROR"
    ? `ERROR ${event.object.message}`
    : `${event.type} ${event.object.metadata.name ?? ""}`;
}
