import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, silentLogger, StatusError, type KubeObject } from "#apimachinery";
import { dynamicKind } from "./dynamic.ts";
import { newInformerFactory } from "./informer-factory.ts";
import { newClient } from "./rest-client.ts";
import { ScriptedTransport, testEvents, testList, testPod, type Step } from "./scripted-transport.ts";
import type { SharedInformer } from "./client.ts";

const Pods = dynamicKind({ group: "", version: "v1", kind: "Pod", plural: "pods", namespaced: true });

interface Run {
  readonly transport: ScriptedTransport;
  readonly clock: FakeClock;
  readonly informer: SharedInformer<KubeObject>;
  /** What a handler was told: `+a@1` added, `*a@1` in the initial list, `~a@2<1` updated, `-a@3` deleted. */
  readonly told: string[];
  readonly errors: string[];
  readonly settle: (ms?: number) => Promise<void>;
}

/** Runs an informer over a script, and checks at the end that it made the requests of the script and no others. */
async function play(
  steps: readonly Step[],
  check: (run: Run) => Promise<void>,
  { watchList = false }: { readonly watchList?: boolean } = {},
): Promise<void> {
  const stop = new AbortController();
  const clock = new FakeClock();
  const transport = new ScriptedTransport(steps);
  const errors: string[] = [];
  const logger = { ...silentLogger, error: (message: string) => void errors.push(message) };
  const factory = newInformerFactory({
    client: newClient(transport),
    clock,
    random: () => 0,
    logger,
    watchList,
  });
  const informer = factory.informer(Pods) as unknown as SharedInformer<KubeObject>;
  const told: string[] = [];
  informer.addEventHandler(recorder(told));
  factory.start(stop.signal);
  const settle = async (ms = 0): Promise<void> => {
    await clock.advanceAsync(ms);
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advanceAsync(0);
  };
  await settle();
  await check({ transport, clock, informer, told, errors, settle });
  stop.abort();
  await factory.stopped();
  assert.deepEqual(transport.mismatches, []);
  assert.equal(transport.remaining, 0, "steps were not asked for");
}

const show = (object: KubeObject) => `${object.metadata.name}@${object.metadata.resourceVersion}`;
const names = (found: readonly KubeObject[]) => found.map((pod) => pod.metadata.name).join(" ");

function recorder(told: string[]) {
  return {
    onAdd: (object: KubeObject, initial: boolean) => void told.push(`${initial ? "*" : "+"}${show(object)}`),
    onUpdate: (object: KubeObject, old: KubeObject) =>
      void told.push(`~${show(object)}<${old.metadata.resourceVersion}`),
    onDelete: (object: KubeObject) => void told.push(`-${show(object)}`),
  };
}

const LIST = "GET /api/v1/pods?limit=500";
const watchFrom = (rv: string) =>
  `GET /api/v1/pods?watch=true&resourceVersion=${rv}&allowWatchBookmarks=true&timeoutSeconds=300`;
const STREAM =
  "GET /api/v1/pods?watch=true&resourceVersion=&resourceVersionMatch=NotOlderThan" +
  "&allowWatchBookmarks=true&sendInitialEvents=true&timeoutSeconds=300";
const expired = new StatusError("Expired", "too old resource version");

test("SharedInformer lists in pages, then watches from the list's revision", () =>
  play(
    [
      { expect: LIST, body: testList("5", "a@1 b@2", "next") },
      { expect: `${LIST}&continue=next`, body: testList("5", "c@3") },
      { expect: watchFrom("5"), events: testEvents("+d@6 ~a@7 -b@8"), open: true },
    ],
    async ({ told, informer }) => {
      assert.equal(told.join(" "), "*a@1 *b@2 *c@3 +d@6 ~a@7<1 -b@8");
      assert.equal(informer.lastSyncResourceVersion, "8");
      assert.equal(informer.hasSynced, true);
      assert.deepEqual(
        informer.lister.list("default").map((pod) => pod.metadata.name),
        ["a", "c", "d"],
      );
    },
  ));

test("SharedInformer takes the list from a stream that ends with a marked bookmark, and stays on that watch", () =>
  play(
    [{ expect: STREAM, events: testEvents("+a@1 +b@2 ^3 -b@3 $5 +c@6"), open: true }],
    async ({ told, informer, transport, settle }) => {
      assert.equal(told.join(" "), "*a@1 +c@6");
      transport.push(testEvents("~a@7")[0]);
      await settle();
      assert.equal(told.at(-1), "~a@7<1");
      assert.equal(informer.lastSyncResourceVersion, "7");
    },
    { watchList: true },
  ));

test("SharedInformer lists in pages when the server refuses to stream the list", () =>
  play(
    [
      { expect: STREAM, error: new StatusError("Invalid", "sendInitialEvents is forbidden") },
      { expect: LIST, body: testList("5", "a@1") },
      { expect: watchFrom("5"), open: true },
    ],
    async ({ told }) => assert.equal(told.join(" "), "*a@1"),
    { watchList: true },
  ));

test("SharedInformer lists in pages when the server streams but never marks the end", () =>
  play(
    [
      { expect: STREAM, events: testEvents("+a@1"), open: true },
      { expect: LIST, body: testList("5", "a@1") },
      { expect: watchFrom("5"), open: true },
    ],
    async ({ told, settle }) => {
      await settle(9_000);
      assert.deepEqual(told, []);
      await settle(11_000);
      assert.equal(told.join(" "), "*a@1");
    },
    { watchList: true },
  ));

test("SharedInformer resumes a watch that broke where it was, after a pause", () =>
  play(
    [
      { expect: LIST, body: testList("5", "a@1") },
      { expect: watchFrom("5"), events: testEvents("~a@6"), error: new Error("connection reset") },
      { expect: watchFrom("6"), events: testEvents("~a@7"), open: true },
    ],
    async ({ told, settle, transport }) => {
      assert.equal(transport.requests.length, 2);
      await settle(800);
      assert.equal(told.join(" "), "*a@1 ~a@6<1 ~a@7<6");
    },
  ));

test("SharedInformer resumes from a bookmark, without a pause when the server ends the watch", () =>
  play(
    [
      { expect: LIST, body: testList("5", "") },
      { expect: watchFrom("5"), events: testEvents("^9") },
      { expect: watchFrom("9"), open: true },
    ],
    async ({ informer }) => assert.equal(informer.lastSyncResourceVersion, "9"),
  ));

for (const [how, step] of [
  ["refused with 410", { error: expired }],
  ["ended by an ERROR event", { events: [{ type: "ERROR", object: expired.toStatus() } as const] }],
] as const) {
  test(`SharedInformer lists again after a watch was ${how}, and tells only of what changed`, () =>
    play(
      [
        { expect: LIST, body: testList("5", "a@1 b@2 c@3") },
        { expect: watchFrom("5"), ...step },
        { expect: LIST, body: testList("9", "a@1 b@8 d@9") },
        { expect: watchFrom("9"), open: true },
      ],
      async ({ told }) => assert.equal(told.join(" "), "*a@1 *b@2 *c@3 ~b@8<2 +d@9 -c@3"),
    ));
}

test("SharedInformer pauses before it lists a third time in a row", () =>
  play(
    [
      { expect: LIST, body: testList("5", "a@1") },
      { expect: watchFrom("5"), error: expired },
      { expect: LIST, body: testList("6", "a@1") },
      { expect: watchFrom("6"), error: expired },
      { expect: LIST, body: testList("7", "a@1") },
      { expect: watchFrom("7"), open: true },
    ],
    async ({ transport, settle }) => {
      assert.equal(transport.requests.length, 4);
      await settle(800);
      assert.equal(transport.requests.length, 6);
    },
  ));

test("SharedInformer lists in one piece when the pages expire under way", () =>
  play(
    [
      { expect: LIST, body: testList("5", "a@1", "next") },
      { expect: `${LIST}&continue=next`, error: expired },
      { expect: "GET /api/v1/pods", body: testList("7", "a@1 b@6") },
      { expect: watchFrom("7"), open: true },
    ],
    async ({ told }) => assert.equal(told.join(" "), "*a@1 *b@6"),
  ));

for (const [how, error, firstMs] of [
  ["cannot be reached", new Error("connection refused"), 50],
  ["fails", new StatusError("InternalError", "broken"), 800],
] as const) {
  test(`SharedInformer backs off from a server that ${how}`, () =>
    play(
      [
        { error },
        { error },
        { expect: LIST, body: testList("5", "") },
        { expect: watchFrom("5"), open: true },
      ],
      async ({ transport, informer, settle }) => {
        await settle(firstMs);
        assert.equal(transport.requests.length, 2);
        await settle(2 * firstMs - 1);
        assert.equal(transport.requests.length, 2);
        await settle(1);
        assert.equal(informer.hasSynced, true);
      },
    ));
}

test("SharedInformer does not become a busy loop on watches that end at once", () =>
  play(
    [{ body: testList("5", "") }, { events: [] }, { events: [] }, { open: true }],
    async ({ transport, settle }) => {
      assert.equal(transport.requests.length, 2);
      await settle(800);
      assert.equal(transport.requests.length, 3);
      await settle(1_600);
      assert.equal(transport.requests.length, 4);
    },
  ));

test("SharedInformer ignores what the cache has already seen", () =>
  play(
    [{ body: testList("5", "a@1") }, { events: testEvents("+a@1 ~a@1 -x@4 ~a@6 ~a@6"), open: true }],
    async ({ told }) => assert.equal(told.join(" "), "*a@1 ~a@6<1"),
  ));

test("SharedInformer tells of a deletion and an addition when an object was replaced by another of its name", () =>
  play(
    [
      { body: testList("5", "a@1") },
      { events: [{ type: "MODIFIED", object: testPod("a", "7", { uid: "other" }) }], open: true },
    ],
    async ({ told }) => assert.equal(told.join(" "), "*a@1 -a@1 +a@7"),
  ));

test("addEventHandler() tells a late handler of everything first, and no more once it is removed", () =>
  play([{ body: testList("5", "a@1 b@2") }, { open: true }], async ({ informer, transport, settle }) => {
    const late: string[] = [];
    const remove = informer.addEventHandler(recorder(late));
    transport.push(testEvents("+c@6")[0]);
    await settle();
    remove();
    transport.push(testEvents("+d@7")[0]);
    await settle();
    assert.equal(late.join(" "), "*a@1 *b@2 +c@6");
  }));

test("addEventHandler() from within a handler tells the new one exactly once of each object", () =>
  play([{ body: testList("5", "a@1") }, { open: true }], async ({ informer, transport, settle }) => {
    const inner: string[] = [];
    const remove = informer.addEventHandler({
      onAdd: (pod) => {
        if (pod.metadata.name === "b") informer.addEventHandler(recorder(inner));
      },
    });
    transport.push(testEvents("+b@6")[0]);
    await settle();
    assert.equal(inner.join(" "), "*a@1 *b@6");
    remove();
  }));

test("A handler that throws is reported and does not stop the others", () =>
  play([{ body: testList("5", "") }, { open: true }], async ({ informer, transport, settle, errors }) => {
    const after: string[] = [];
    informer.addEventHandler({
      onAdd: () => {
        throw new Error("broken");
      },
    });
    informer.addEventHandler(recorder(after));
    transport.push(testEvents("+a@6")[0]);
    await settle();
    assert.deepEqual(after, ["+a@6"]);
    assert.equal(errors.length, 1);
  }));

test("Lister finds by namespace, index and controlling owner, and gives frozen objects", () => {
  const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid: "rs-1", controller: true };
  const pods = [
    testPod("a", "1", { ownerReferences: [owner], labels: { app: "web" } }),
    testPod("b", "2", { namespace: "other", labels: { app: "web" } }),
  ];
  const list = { metadata: { resourceVersion: "5" }, items: pods };
  return play([{ body: list }, { open: true }], async ({ informer, transport, settle }) => {
    const { lister } = informer;
    informer.addIndexer("app", (pod) => [pod.metadata.labels?.["app"] ?? ""]);
    const rs = { apiVersion: "apps/v1", kind: "ReplicaSet", metadata: { name: "web", uid: "rs-1" } };
    assert.equal(names(lister.list("other")), "b");
    assert.equal(names(lister.byIndex("app", "web")), "a b");
    assert.equal(names(lister.controlledBy(rs)), "a");
    assert.throws(() => lister.byIndex("node", "n1"), RangeError);
    assert.throws(() => informer.addIndexer("app", () => []), RangeError);
    assert(Object.isFrozen(lister.get("default/a")!.metadata.labels));

    transport.push({ type: "MODIFIED", object: testPod("a", "6") });
    await settle();
    assert.equal(names(lister.controlledBy(rs)), "");
    assert.equal(names(lister.byIndex("app", "web")), "b");
  });
});
