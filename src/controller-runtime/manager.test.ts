import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, notFound, silentLogger, type Kind, type KubeObject, type ObjectKey } from "#apimachinery";
import { dynamicKind, type EventHandler, type InformerFactory, type MetricsSink } from "#client";
import { source, TerminalError, type Controller, type ControllerContext } from "./controller.ts";
import { startManager } from "./manager.ts";

const group = { group: "apps", version: "v1", namespaced: true };
const Webs = dynamicKind({ ...group, kind: "Web", plural: "webs" }) as unknown as Kind;
const Pods = dynamicKind({ ...group, group: "", kind: "Pod", plural: "pods" }) as unknown as Kind;
const Nodes = dynamicKind({
  ...group,
  group: "",
  kind: "Node",
  plural: "nodes",
  namespaced: false,
}) as unknown as Kind;

/** Informers whose changes the test makes. */
class Feed {
  readonly handlers = new Map<string, EventHandler<KubeObject>[]>();
  readonly synced = Promise.withResolvers<void>();

  readonly factory = {
    informer: (kind: Kind) => ({
      addEventHandler: (handler: EventHandler<KubeObject>) => {
        const handlers = this.handlers.get(kind.kind) ?? [];
        this.handlers.set(kind.kind, handlers);
        handlers.push(handler);
        return () => void handlers.splice(handlers.indexOf(handler), 1);
      },
    }),
    start: () => {},
    waitForSync: (signal: AbortSignal) => {
      signal.addEventListener("abort", () => this.synced.reject(signal.reason));
      return this.synced.promise;
    },
  } as unknown as InformerFactory;

  add(object: KubeObject): void {
    this.handlers.get(object.kind)?.forEach((handler) => handler.onAdd?.(object, false));
  }

  update(object: KubeObject, old: KubeObject): void {
    this.handlers.get(object.kind)?.forEach((handler) => handler.onUpdate?.(object, old));
  }
}

function testObject(kind: string, name: string, owner?: string): KubeObject {
  const ref = { apiVersion: "apps/v1beta1", kind: "Web", name: owner ?? "", uid: "1", controller: true };
  const ownerReferences = owner === undefined ? [] : [ref];
  return { apiVersion: "v1", kind, metadata: { name, namespace: "default", ownerReferences } };
}

interface Setup {
  readonly clock: FakeClock;
  readonly feed: Feed;
  readonly errors: string[];
  readonly context: ControllerContext;
  readonly stop: AbortController;
  readonly settle: (ms?: number) => Promise<void>;
}

function setup(): Setup {
  const clock = new FakeClock();
  const feed = new Feed();
  const errors: string[] = [];
  const logger = {
    ...silentLogger,
    error: (message: string) => void errors.push(message),
    child: () => logger,
  };
  const recorder = { event: () => {} };
  const context = {
    client: {} as ControllerContext["client"],
    informers: feed.factory,
    recorder,
    clock,
    logger,
  };
  const settle = async (ms = 0): Promise<void> => {
    await clock.advanceAsync(ms);
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advanceAsync(0);
  };
  return { clock, feed, errors, context, stop: new AbortController(), settle };
}

function controller(reconcile: Controller["reconcile"], extra: Partial<Controller> = {}): Controller {
  return { name: "web", reconciles: Webs, owns: [Pods], reconcile, ...extra };
}

test("startManager() reconciles nothing before the caches are filled, then everything", async () => {
  const { feed, context, stop, settle } = setup();
  const keys: ObjectKey[] = [];
  const web = controller(async (key) => (keys.push(key), {}));
  const manager = startManager({ ...context, controllers: [web] }, stop.signal);
  feed.add(testObject("Web", "a"));
  await settle();
  assert.deepEqual(keys, []);
  feed.synced.resolve();
  await manager.ready;
  await settle();
  assert.deepEqual(keys, ["default/a"]);
  stop.abort();
  await manager.stopped;
  assert.deepEqual(feed.handlers.get("Web"), []);
});

test("startManager() enqueues controlling owners, old and new, and what watches name", async () => {
  const { feed, context, stop, settle } = setup();
  feed.synced.resolve();
  const keys: ObjectKey[] = [];
  const watches = [source(Nodes, (node) => [`default/on-${node.metadata.name}`])];
  const web = controller(async (key) => (keys.push(key), {}), { watches });
  const manager = startManager({ ...context, controllers: [() => web] }, stop.signal);
  await manager.ready;
  feed.update(testObject("Pod", "p", "new"), testObject("Pod", "p", "old"));
  feed.add(testObject("Pod", "free"));
  feed.add(testObject("Node", "n"));
  await settle();
  assert.deepEqual(keys, ["default/old", "default/new", "default/on-n"]);
  stop.abort();
  await manager.stopped;
});

test("startManager() retries failures with back-off, and reports terminal ones once", async () => {
  const { feed, context, stop, settle, errors } = setup();
  feed.synced.resolve();
  const tries: Record<string, number> = {};
  const web = controller(async (key) => {
    const count = (tries[key] = (tries[key] ?? 0) + 1);
    if (key === "default/terminal") throw new TerminalError("never");
    if (count < 3) throw new Error("not yet");
    return {};
  });
  const manager = startManager({ ...context, controllers: [web] }, stop.signal);
  await manager.ready;
  feed.add(testObject("Web", "flaky"));
  feed.add(testObject("Web", "terminal"));
  await settle();
  await settle(5);
  assert.equal(tries["default/flaky"], 2);
  await settle(10);
  await settle(60_000);
  assert.deepEqual(tries, { "default/flaky": 3, "default/terminal": 1 });
  assert.equal(errors.length, 3);
  stop.abort();
  await manager.stopped;
});

test("startManager() leaves alone what a namespace that goes has refused", async () => {
  const { feed, context, errors, stop, settle } = setup();
  feed.synced.resolve();
  let tries = 0;
  const web = controller(async () => {
    tries++;
    throw notFound({ group: "", resource: "namespaces" }, "default");
  });
  const manager = startManager({ ...context, controllers: [web] }, stop.signal);
  await manager.ready;
  feed.add(testObject("Web", "a"));
  await settle(60_000);
  assert.deepEqual([tries, errors], [1, []]);
  feed.add(testObject("Web", "a"));
  await settle();
  assert.equal(tries, 2);
  stop.abort();
  await manager.stopped;
});

test("startManager() comes back after requeueAfterMs", async () => {
  const { feed, context, stop, settle } = setup();
  feed.synced.resolve();
  let count = 0;
  const web = controller(async () => (count++ === 0 ? { requeueAfterMs: 1_000 } : {}));
  const manager = startManager({ ...context, controllers: [web] }, stop.signal);
  await manager.ready;
  feed.add(testObject("Web", "a"));
  await settle(999);
  assert.equal(count, 1);
  await settle(1);
  assert.equal(count, 2);
  stop.abort();
  await manager.stopped;
});

test("startManager() never runs one key twice at the same time, nor more than `workers` keys", async () => {
  const { feed, context, stop, settle } = setup();
  feed.synced.resolve();
  const running: string[] = [];
  let most = 0;
  const gates: (() => void)[] = [];
  const web = controller(
    async (key) => {
      assert(!running.includes(key));
      running.push(key);
      most = Math.max(most, running.length);
      await new Promise<void>((resolve) => gates.push(resolve));
      running.splice(running.indexOf(key), 1);
      return {};
    },
    { workers: 2 },
  );
  const manager = startManager({ ...context, controllers: [web] }, stop.signal);
  await manager.ready;
  for (const name of ["a", "b", "c"]) feed.add(testObject("Web", name));
  await settle();
  feed.add(testObject("Web", "a"));
  await settle();
  assert.deepEqual(running, ["default/a", "default/b"]);
  while (gates.length > 0) {
    gates.shift()!();
    await settle();
  }
  assert.equal(most, 2);
  stop.abort();
  await manager.stopped;
});

test("startManager() waits at the end for the reconciles under way", async () => {
  const { feed, context, stop, settle } = setup();
  feed.synced.resolve();
  const gate = Promise.withResolvers<void>();
  let ended = false;
  const web = controller(async () => {
    await gate.promise;
    ended = true;
    return {};
  });
  const manager = startManager({ ...context, controllers: [web] }, stop.signal);
  await manager.ready;
  feed.add(testObject("Web", "a"));
  await settle();
  stop.abort();
  await settle();
  assert.equal(ended, false);
  gate.resolve();
  await manager.stopped;
  assert.equal(ended, true);
});

test("startManager() reports controller-runtime's metrics and names controllers in their events", async () => {
  const { feed, context, stop, settle } = setup();
  feed.synced.resolve();
  const results: string[] = [];
  const components: unknown[] = [];
  const recorder: ControllerContext["recorder"] = {
    event: (_, __, ___, ____, options) => void components.push(options?.component),
  };
  const metrics: MetricsSink = {
    inc: (name, labels) => {
      if (name === "controller_runtime_reconcile_total")
        results.push(`${labels["controller"]} ${labels["result"]}`);
    },
    set: () => {},
    observe: () => {},
  };
  const make = (inner: ControllerContext) =>
    controller(async () => {
      inner.recorder.event(testObject("Web", "a"), "Normal", "Done", "done");
      return {};
    });
  const manager = startManager({ ...context, recorder, metrics, controllers: [make] }, stop.signal);
  await manager.ready;
  feed.add(testObject("Web", "a"));
  await settle();
  assert.deepEqual(results, ["web success"]);
  assert.deepEqual(components, ["web-controller"]);
  stop.abort();
  await manager.stopped;
});

test("ready rejects when the manager is stopped before its caches are filled", async () => {
  const { context, stop } = setup();
  const manager = startManager({ ...context, controllers: [] }, stop.signal);
  stop.abort(new Error("stopped"));
  await assert.rejects(manager.ready, /stopped/);
});
