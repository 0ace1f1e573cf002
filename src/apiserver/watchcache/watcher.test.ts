import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError, type KubeObject } from "#apimachinery";
import { headOf, toBytes } from "../registry/object-bytes.ts";
import { CacheEvent } from "./cache-event.ts";
import { CachedObject } from "./cached-object.ts";
import { EVERYTHING, type Selection } from "./selection.ts";
import { Watcher } from "./watcher.ts";

const kind = { group: "", version: "v1", kind: "ConfigMap" };
const layout = { head: headOf(kind), selectableFields: {}, freeze: false };

function cached(name: string, revision: number, labels: Record<string, string> = {}): CachedObject {
  const object = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "n", labels },
  } as KubeObject;
  return new CachedObject(`n/${name}`, revision, toBytes(kind, object), layout);
}

function watcher(
  selection: Selection = EVERYTHING,
  initial: readonly CachedObject[] = [],
  backlogBytesMax = 10_000,
) {
  const stopped: Watcher[] = [];
  const made = new Watcher({
    selection,
    initial,
    bookmarks: true,
    backlogBytesMax,
    onStop: (w) => void stopped.push(w),
  });
  return { made, stopped };
}

function show(items: ReturnType<Watcher["take"]>): string[] {
  return items.map((item) =>
    item.type === "event" ? `${item.event.type} ${item.event.object.name}@${item.event.revision}` : item.type,
  );
}

test("Watcher tells the initial state first, in pieces, then the changes", () => {
  const { made } = watcher(EVERYTHING, [cached("a", 1), cached("b", 2), cached("c", 3)]);
  made.offer(new CacheEvent("ADDED", cached("d", 4), undefined));
  assert.deepEqual(show(made.take(2)), ["ADDED a@1", "ADDED b@2"]);
  assert.deepEqual(show(made.take(2)), ["ADDED c@3"]);
  assert.deepEqual(show(made.take(2)), ["ADDED d@4"]);
  assert.equal(made.isEmpty, true);
});

test("Watcher shows what enters and leaves its selection", () => {
  const { made } = watcher({ prefix: "n/", matches: (object) => object.labels["x"] === "y" });
  const out = cached("a", 1);
  const entered = cached("a", 2, { x: "y" });
  const changed = cached("a", 3, { x: "y", z: "z" });
  const left = cached("a", 4);
  made.offer(new CacheEvent("ADDED", out, undefined));
  made.offer(new CacheEvent("MODIFIED", entered, out));
  made.offer(new CacheEvent("MODIFIED", changed, entered));
  made.offer(new CacheEvent("MODIFIED", left, changed));
  made.offer(new CacheEvent("DELETED", left.at(5), left));
  const items = made.take(10);
  assert.deepEqual(show(items), ["ADDED a@2", "MODIFIED a@3", "DELETED a@4"]);
  const last = items.at(-1);
  // The last state that matched, at the revision at which it stopped to.
  assert.ok(last?.type === "event" && last.event.object.labels["z"] === "z");
});

test("Watcher ends with 410 when it falls too far behind, and forgets its backlog", () => {
  const { made, stopped } = watcher(EVERYTHING, [], 500);
  for (let i = 1; i < 20; i++) made.offer(new CacheEvent("ADDED", cached(`a${i}`, i), undefined));
  assert.deepEqual(show(made.take(10)), ["error"]);
  assert.deepEqual([made.isEnded, made.isEmpty, stopped.length], [true, true, 1]);
});

test("Watcher.fail() ends with an error after what was there", () => {
  const { made } = watcher();
  made.offer(new CacheEvent("ADDED", cached("a", 1), undefined));
  made.fail(new StatusError("Expired", "too old"));
  assert.deepEqual(show(made.take(10)), ["ADDED a@1", "error"]);
  assert.equal(made.isEnded, true);
});

test("Watcher sends bookmarks only when nothing else is waiting", () => {
  const { made } = watcher();
  made.offer(new CacheEvent("ADDED", cached("a", 1), undefined));
  made.offerBookmark(7);
  assert.deepEqual(show(made.take(10)), ["ADDED a@1"]);
  made.offerBookmark(8);
  assert.deepEqual(show(made.take(10)), ["bookmark"]);
});

test("Watcher calls back when there is something, also when it was before", () => {
  const { made } = watcher(EVERYTHING, [cached("a", 1)]);
  let calls = 0;
  made.onReady(() => calls++);
  assert.equal(calls, 1);
  made.take(10);
  made.offer(new CacheEvent("ADDED", cached("b", 2), undefined));
  made.offer(new CacheEvent("ADDED", cached("c", 3), undefined));
  assert.equal(calls, 2);
});

test("CacheEvent.line is the same bytes for every watcher", () => {
  const event = new CacheEvent("ADDED", cached("a", 9), undefined);
  assert.equal(event.line, event.line);
  const { type, object } = JSON.parse(Buffer.from(event.line).toString()) as {
    type: string;
    object: KubeObject;
  };
  assert.deepEqual([type, object.metadata.resourceVersion], ["ADDED", "9"]);
});
