/** The contract of `Store` as a test suite; each backend runs it unchanged. @module */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import {
  Compacted,
  FutureRevision,
  RevisionConflict,
  StoreClosed,
  type Change,
  type Entry,
  type Revision,
  type Store,
  type Write,
} from "./store.ts";

export { startEtcd, type RunningEtcd } from "./etcd/testdata/start-etcd.ts";

/** A fresh store, empty and with nothing shared. */
export type OpenStore = () => Promise<Store>;

export interface ConformanceOptions {
  /** Runs of the model test; backends with a network in between take fewer. Default: 60. */
  readonly modelRuns?: number;
}

export function storeConformance(name: string, open: OpenStore, options: ConformanceOptions = {}): void {
  suite(`Store contract: ${name}`, () => {
    commits(open);
    values(open);
    ranges(open);
    watches(open);
    watchEnds(open);
    compactions(open);
    model(open, options.modelRuns ?? 60);
  });
}

function commits(open: OpenStore): void {
  test("commit() creates, updates and deletes, each at a higher revision", async () => {
    await using s = await use(open);
    const created = await s.store.commit([put("/a", "1")]);
    assert.deepEqual(plain(await s.store.get("/a")), ["/a", "1", created]);
    const updated = await s.store.commit([put("/a", "2", created)]);
    assert.ok(updated > created);
    assert.deepEqual(plain(await s.store.get("/a")), ["/a", "2", updated]);
    const deleted = await s.store.commit([remove("/a", updated)]);
    assert.ok(deleted > updated);
    assert.equal(await s.store.get("/a"), undefined);
    assert.equal(await s.store.revision(), deleted);
  });

  test("commit() rejects a stale revision and changes nothing", async () => {
    await using s = await use(open);
    const first = await s.store.commit([put("/a", "1")]);
    await assert.rejects(s.store.commit([put("/b", "x"), put("/a", "2")]), (error) => {
      assert.ok(error instanceof RevisionConflict);
      assert.deepEqual([error.key, error.expected, error.actual], ["/a", 0, first]);
      return true;
    });
    await assert.rejects(s.store.commit([remove("/b", first)]), RevisionConflict);
    assert.equal(await s.store.get("/b"), undefined);
    assert.equal(await s.store.revision(), first);
  });

  test("commit() of many writes gives all of them one revision", async () => {
    await using s = await use(open);
    const revision = await s.store.commit([put("/a", "1"), put("/b", "2"), put("/c", "3")]);
    const { entries } = await s.store.range({ prefix: "/" });
    assert.deepEqual(entries.map(plain), [
      ["/a", "1", revision],
      ["/b", "2", revision],
      ["/c", "3", revision],
    ]);
  });

  test("commit() of nothing, and of a delete of what is not there, change nothing", async () => {
    await using s = await use(open);
    const revision = await s.store.commit([put("/a", "1")]);
    assert.equal(await s.store.commit([]), revision);
    assert.equal(await s.store.commit([remove("/none", 0)]), revision);
  });

  test("close() makes further calls throw", async () => {
    const store = await open();
    await store.close();
    await assert.rejects(async () => store.get("/a"), StoreClosed);
    await assert.rejects(async () => store.commit([put("/a", "1")]), StoreClosed);
    await assert.rejects(async () => store.range({ prefix: "/" }), StoreClosed);
  });
}

function values(open: OpenStore): void {
  test("commit() refuses a key named twice and keys that cannot be stored", async () => {
    await using s = await use(open);
    await assert.rejects(s.store.commit([put("/a", "1"), put("/a", "2")]), TypeError);
    for (const key of ["", "/nul\0", "/lone\ud800", "/".repeat(2_000)])
      await assert.rejects(s.store.commit([put(key, "1")]), TypeError);
  });

  test("commit() lets exactly one of many racing creations win", async () => {
    await using s = await use(open);
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => s.store.commit([put("/a", `${i}`), put(`/own/${i}`, "x")])),
    );
    assert.equal(results.filter((r) => r.status === "fulfilled").length, 1);
    assert.ok(results.every((r) => r.status === "fulfilled" || r.reason instanceof RevisionConflict));
    assert.equal((await s.store.range({ prefix: "/own/" })).entries.length, 1);
  });

  test("commit() accepts empty, binary and large values", async () => {
    await using s = await use(open);
    const large = new Uint8Array(1_000_000).map((_, i) => i % 251);
    await s.store.commit([write("/empty", new Uint8Array()), write("/large", large)]);
    assert.equal((await s.store.get("/empty"))?.value.byteLength, 0);
    assert.deepEqual(new Uint8Array((await s.store.get("/large"))!.value), large);
  });

  test("commit() with memory durability is seen by readers when it resolves", async () => {
    await using s = await use(open);
    const revision = await s.store.commit([put("/a", "1")], { durability: "memory" });
    assert.deepEqual(plain(await s.store.get("/a")), ["/a", "1", revision]);
  });
}

function ranges(open: OpenStore): void {
  test("range() gives the entries of the prefix in byte order", async () => {
    await using s = await use(open);
    for (const key of ["/p/b", "/p/a", "/q/x", "/p", "/p/ä", "/p/\u{1F600}", "/p/\uFF5E", "/p/A"])
      await s.store.commit([put(key, "1")]);
    const { entries, remaining } = await s.store.range({ prefix: "/p/" });
    const expected = ["/p/A", "/p/a", "/p/b", "/p/ä", "/p/\uFF5E", "/p/\u{1F600}"];
    assert.deepEqual([entries.map((e) => e.key), remaining], [expected, 0]);
  });

  test("range() pages by limit and startAfter at one revision while writes go on", async () => {
    await using s = await use(open);
    for (const name of ["a", "b", "c", "d", "e"]) await s.store.commit([put(`/p/${name}`, name)]);
    const first = await s.store.range({ prefix: "/p/", limit: 2 });
    assert.deepEqual([first.entries.map((e) => e.key), first.remaining], [["/p/a", "/p/b"], 3]);
    await s.store.commit([put("/p/bb", "new")]);
    await s.store.commit([remove("/p/c", (await s.store.get("/p/c"))!.revision)]);
    await s.store.commit([put("/p/d", "changed", (await s.store.get("/p/d"))!.revision)]);
    const second = await s.store.range({
      prefix: "/p/",
      limit: 2,
      startAfter: "/p/b",
      revision: first.revision,
    });
    assert.deepEqual(
      [second.entries.map((e) => text(e.value)), second.remaining, second.revision],
      [["c", "d"], 1, first.revision],
    );
    const third = await s.store.range({ prefix: "/p/", startAfter: "/p/d", revision: first.revision });
    assert.deepEqual([third.entries.map((e) => e.key), third.remaining], [["/p/e"], 0]);
  });

  test("range() refuses a revision in the future", async () => {
    await using s = await use(open);
    const revision = await s.store.commit([put("/a", "1")]);
    await assert.rejects(s.store.range({ prefix: "/", revision: revision + 100 }), FutureRevision);
  });
}

function watches(open: OpenStore): void {
  test("range() then watch() from its revision misses nothing and repeats nothing", async () => {
    await using s = await use(open);
    const first = await s.store.commit([put("/pods/a", "1")]);
    const { revision } = await s.store.range({ prefix: "/pods/" });
    await s.store.commit([put("/nodes/n", "x")]);
    const second = await s.store.commit([put("/pods/b", "2")]);
    const third = await s.store.commit([remove("/pods/a", first)]);
    const changes = await take(2, s.store.watch("/pods/", revision, s.signal));
    assert.deepEqual(changes.map(plainChange), [
      ["/pods/b", second, "2", undefined],
      ["/pods/a", third, undefined, ["/pods/a", "1", first]],
    ]);
  });

  test("watch() delivers changes as they come, with the entry before", async () => {
    await using s = await use(open);
    const from = await s.store.commit([put("/pods/a", "1")]);
    const seen = take(2, s.store.watch("/pods/", from, s.signal));
    const second = await s.store.commit([put("/pods/a", "2", from)]);
    const third = await s.store.commit([put("/pods/a", "3", second)]);
    assert.deepEqual((await seen).map(plainChange), [
      ["/pods/a", second, "2", ["/pods/a", "1", from]],
      ["/pods/a", third, "3", ["/pods/a", "2", second]],
    ]);
  });

  test("watch() keeps the changes of a commit in one batch", async () => {
    await using s = await use(open);
    const from = await s.store.revision();
    const names = Array.from({ length: 50 }, (_, i) => `/pods/${i}`);
    await s.store.commit(names.map((key) => put(key, "1")));
    for await (const batch of s.store.watch("/pods/", from, s.signal)) {
      assert.equal(batch.length, 50);
      break;
    }
  });

  test("watch() that nobody reads for long goes on without a gap", async () => {
    await using s = await use(open);
    const from = await s.store.revision();
    const iterator = s.store.watch("/pods/", from, s.signal)[Symbol.asyncIterator]();
    const first = iterator.next();
    await s.store.commit([put("/pods/0", "1")]);
    const seen = (await first).value as Change[];
    const total = 3_000;
    for (let i = 1; i < total; i += 100)
      await Promise.all(
        Array.from({ length: Math.min(100, total - i) }, (_, j) =>
          s.store.commit([put(`/pods/${i + j}`, "1")]),
        ),
      );
    const all = [...seen];
    while (all.length < total) all.push(...((await iterator.next()).value as Change[]));
    const revisions = all.map((c) => c.revision);
    assert.deepEqual(
      revisions,
      revisions.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(all.map((c) => c.key)).size, total);
    await iterator.return?.();
  });
}

function watchEnds(open: OpenStore): void {
  test("watch() ends when its signal aborts, also while it waits", async () => {
    await using s = await use(open);
    const abort = new AbortController();
    const ended = (async () => {
      for await (const _ of s.store.watch("/", await s.store.revision(), abort.signal))
        assert.fail("no change");
    })();
    await s.store.revision();
    abort.abort();
    await ended;
  });

  test("watch() refuses a revision in the future", async () => {
    await using s = await use(open);
    const revision = await s.store.commit([put("/a", "1")]);
    await assert.rejects(take(1, s.store.watch("/", revision + 100, s.signal)), FutureRevision);
  });
}

function compactions(open: OpenStore): void {
  test("compact() forgets history before the revision and nothing after it", async () => {
    await using s = await use(open);
    const first = await s.store.commit([put("/a", "1")]);
    const second = await s.store.commit([put("/a", "2", first)]);
    const third = await s.store.commit([put("/b", "x")]);
    const fourth = await s.store.commit([put("/a", "4", second)]);
    await s.store.compact(third);
    await s.store.compact(third);
    await assert.rejects(s.store.range({ prefix: "/", revision: second }), Compacted);
    await assert.rejects(take(1, s.store.watch("/", first, s.signal)), Compacted);
    const old = await s.store.range({ prefix: "/", revision: third });
    assert.deepEqual(old.entries.map(plain), [
      ["/a", "2", second],
      ["/b", "x", third],
    ]);
    const [change] = await take(1, s.store.watch("/", third, s.signal));
    assert.deepEqual(plainChange(change!), ["/a", fourth, "4", ["/a", "2", second]]);
    assert.deepEqual(plain(await s.store.get("/b")), ["/b", "x", third]);
    await assert.rejects(s.store.compact(fourth + 100), FutureRevision);
  });
}

/** Random histories against a model that keeps every state: ranges at each revision, and one watch from the start. */
function model(open: OpenStore, numRuns: number): void {
  const key = fc.constantFrom("/a/1", "/a/2", "/a/10", "/b/1", "/b/ü", "/a");
  const value = fc.option(fc.string({ maxLength: 8 }), { nil: undefined });
  const commit = fc.uniqueArray(fc.record({ key, value, stale: fc.boolean() }), {
    selector: (w) => w.key,
    maxLength: 4,
  });
  test("range() and watch() agree with a model over random commits", async () => {
    const property = fc.asyncProperty(fc.array(commit, { maxLength: 12 }), async (script) => {
      await using s = await use(open);
      const start = await s.store.revision();
      const states = new Map<Revision, Map<string, Entry>>([[start, new Map()]]);
      let latest = start;
      let changes = 0;
      for (const step of script) {
        const state = states.get(latest)!;
        const writes = step.map((w) => ({
          key: w.key,
          value: w.value === undefined ? undefined : bytes(w.value),
          ifRevision: (state.get(w.key)?.revision ?? 0) + (w.stale && step.length === 1 ? 1 : 0),
        }));
        const conflicting = step.length === 1 && step[0]!.stale;
        const result = await s.store.commit(writes).catch((error: unknown) => error);
        assert.equal(result instanceof RevisionConflict, conflicting);
        if (typeof result !== "number" || result === latest) continue;
        const next = new Map(state);
        for (const w of writes) {
          if (w.value !== undefined) next.set(w.key, { key: w.key, value: w.value, revision: result });
          else if (!next.delete(w.key)) continue;
          changes++;
        }
        states.set((latest = result), next);
      }
      for (const [revision, state] of states)
        for (const prefix of ["/", "/a", "/a/", "/b/"]) await assertRange(s.store, prefix, revision, state);
      const seen = await take(changes, s.store.watch("/", start, s.signal));
      const replayed = new Map<string, Entry>();
      for (const { key: k, value: v, revision, previous } of seen) {
        assert.deepEqual(previous && plain(previous), plain(replayed.get(k)));
        if (v === undefined) replayed.delete(k);
        else replayed.set(k, { key: k, value: v, revision });
      }
      assert.deepEqual(sorted(replayed.values()), sorted(states.get(latest)!.values()));
    });
    await fc.assert(property, { numRuns });
  });
}

async function assertRange(
  store: Store,
  prefix: string,
  revision: Revision,
  state: Map<string, Entry>,
): Promise<void> {
  const expected = sorted(state.values().filter((e) => e.key.startsWith(prefix)));
  const whole = await store.range({ prefix, revision });
  assert.deepEqual([whole.entries.map(plain), whole.remaining], [expected, 0]);
  const page = await store.range({ prefix, revision, limit: 2 });
  assert.deepEqual(page.entries.map(plain), expected.slice(0, 2));
  assert.equal(page.remaining, Math.max(0, expected.length - 2));
}

interface Used extends AsyncDisposable {
  readonly store: Store;
  /** For watches; aborts when the test is over. */
  readonly signal: AbortSignal;
}

async function use(open: OpenStore): Promise<Used> {
  const store = await open();
  const abort = new AbortController();
  return {
    store,
    signal: abort.signal,
    async [Symbol.asyncDispose]() {
      abort.abort();
      await store.close();
    },
  };
}

export async function take(count: number, batches: AsyncIterable<readonly Change[]>): Promise<Change[]> {
  const seen: Change[] = [];
  if (count === 0) return seen;
  for await (const batch of batches) {
    seen.push(...batch);
    if (seen.length >= count) break;
  }
  return seen;
}

const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
const text = (value: Uint8Array): string => new TextDecoder().decode(value);
const write = (key: string, value: Uint8Array, ifRevision = 0): Write => ({ key, value, ifRevision });
const put = (key: string, value: string, ifRevision = 0): Write => write(key, bytes(value), ifRevision);
const remove = (key: string, ifRevision: Revision): Write => ({ key, value: undefined, ifRevision });

type Plain = readonly [string, string, Revision] | undefined;

function plain(entry: Entry | undefined): Plain {
  return entry && [entry.key, text(entry.value), entry.revision];
}

function plainChange({ key, revision, value, previous }: Change): readonly unknown[] {
  return [key, revision, value && text(value), plain(previous)];
}

function sorted(entries: Iterable<Entry>): Plain[] {
  return [...entries].map(plain).toSorted((a, b) => Buffer.compare(Buffer.from(a![0]), Buffer.from(b![0])));
}
