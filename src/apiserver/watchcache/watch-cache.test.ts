import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import { openMemoryStore, type Store } from "#storage";
import { WatchCache } from "./watch-cache.ts";

/** A store that others write to as well: its revision grows without a change of ours. */
async function shared(): Promise<{ readonly store: Store; readonly othersWrite: () => void }> {
  const own = await openMemoryStore();
  let others = 0;
  let tell: ((revision: number) => void) | undefined;
  const store: Store = {
    get: (key) => own.get(key),
    range: (options) => own.range(options),
    commit: (writes) => own.commit(writes),
    compact: (revision) => own.compact(revision),
    close: () => own.close(),
    revision: async () => (await own.revision()) + others,
    watch: (prefix, from, signal, onProgress) => {
      tell = onProgress;
      return own.watch(prefix, from, signal);
    },
    requestProgress: () => void own.revision().then((revision) => tell?.(revision + others)),
  };
  return { store, othersWrite: () => void others++ };
}

test("WatchCache.sync() asks for progress when nothing of its own comes", async () => {
  const clock = new FakeClock();
  const { store, othersWrite } = await shared();
  const layout = { head: new Uint8Array(), selectableFields: {}, freeze: false };
  const resourceOptions = () => ({ layout, historyMax: 10 });
  const cache = new WatchCache({ store, clock, logger: silentLogger, resourceOptions });
  const stop = new AbortController();
  await cache.start(stop.signal);
  await setImmediate();
  othersWrite();
  let isSynced = false;
  const syncing = cache.sync().then(() => (isSynced = true));
  for (let turn = 0; turn < 5; turn++) await setImmediate();
  assert.equal(isSynced, false);
  clock.advance(100);
  await syncing;
  assert.equal(cache.revision, 1);
  stop.abort();
  await cache.stopped();
});

test("WatchCache.waitFor() gives up after three seconds, and says how far it is", async () => {
  const clock = new FakeClock();
  const store = await openMemoryStore();
  const layout = { head: new Uint8Array(), selectableFields: {}, freeze: false };
  const resourceOptions = () => ({ layout, historyMax: 10 });
  const cache = new WatchCache({ store, clock, logger: silentLogger, resourceOptions });
  const stop = new AbortController();
  await cache.start(stop.signal);
  const waiting = cache.waitFor(7);
  clock.advance(3_000);
  await assert.rejects(waiting, /Too large resource version: 7, current: 0/);
  stop.abort();
  await cache.stopped();
});
