/** The state of the whole store in memory, fed by one watch of it; upstream's `cacher` for all resources at once. @module */
import { StatusError, type Clock, type KubeObject, type Logger } from "#apimachinery";
import { Compacted, type Change, type Store } from "#storage";
import { CachedObject, withResourceVersion } from "./cached-object.ts";
import { ResourceCache, type ResourceCacheOptions } from "./resource-cache.ts";
import { REGISTRY_PREFIX, resourceOfKey, storageKey } from "./storage-key.ts";

const LOAD_PAGE = 1000;
/** How long a read waits for the cache to reach a revision before it is told to try again; upstream's blockTimeout. */
const FRESHNESS_TIMEOUT_MS = 3000;
/** For `sync` while a server starts: nobody is there yet to ask again, and a busy machine only takes longer. */
export const START_PATIENCE_MS = 60_000;
const RESTART_DELAY_MS = 200;
/** While somebody waits, the store is asked this often how far it is; upstream's progressRequestPeriod. */
const PROGRESS_MS = 100;
/** Changes are applied in slices of this many ms, so that a burst does not hold the event loop. */
const SLICE_MS = 5;

interface Announced {
  readonly object: KubeObject;
  /** Made by whoever is first, the writer or the change: the second takes it and the announcement is over. */
  cached: CachedObject | undefined;
}

export interface WatchCacheOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called for each resource (`core/pods`) when the cache first needs it. */
  readonly resourceOptions: (resource: string) => ResourceCacheOptions;
}

interface Waiter {
  readonly revision: number;
  readonly promise: Promise<boolean>;
  readonly resolve: (isReached: boolean) => void;
}

export class WatchCache {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #resourceOptions: (resource: string) => ResourceCacheOptions;
  readonly #resources = new Map<string, ResourceCache>();
  /** What writers of this process know of the bytes they commit; the change brings the same bytes back. */
  readonly #announced = new WeakMap<Uint8Array, Announced>();
  #revision = 0;
  #compacted = 0;
  #waiters: Waiter[] = [];
  #isAsking = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: WatchCacheOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#resourceOptions = options.resourceOptions;
  }

  /** Every change up to this revision is in the cache and with the watchers. */
  get revision(): number {
    return this.#revision;
  }

  /** The oldest revision whose state may still be asked for, as far as this server knows. */
  get compacted(): number {
    return this.#compacted;
  }

  /** The history before `revision` is gone from the store: it is told to nobody any more, so that all readers see the same. */
  compact(revision: number): void {
    this.#compacted = Math.max(this.#compacted, revision);
    for (const cache of this.#resources.values()) cache.compact(revision);
  }

  /** Loads everything, then follows the store until `signal` aborts. */
  async start(signal: AbortSignal): Promise<void> {
    this.#revision = await this.#load();
    this.#running = this.#follow(signal);
  }

  /** Reads once more what could not be read: there may be a key for it now. */
  async readAgain(): Promise<void> {
    for (const [resource, cache] of this.#resources) {
      for (const { key } of cache.list().filter(({ isUnreadable }) => isUnreadable)) {
        const entry = await this.#store.get(storageKey(resource, key));
        const isNew = entry?.revision === cache.get(key)?.revision;
        if (entry !== undefined && isNew) cache.apply(key, { ...entry, previous: undefined }, undefined);
      }
    }
  }

  /** Resolves when the following has ended after its signal aborted. */
  stopped(): Promise<void> {
    return this.#running;
  }

  resource(resource: string): ResourceCache {
    let cache = this.#resources.get(resource);
    if (cache === undefined) {
      cache = new ResourceCache(this.#resourceOptions(resource), this.#revision);
      this.#resources.set(resource, cache);
    }
    return cache;
  }

  resources(): Iterable<readonly [string, ResourceCache]> {
    return this.#resources;
  }

  /** The fields that select objects of a resource may have changed, or it is served no more: then its watches end. */
  reconfigure(resource: string, isServed: boolean): void {
    const cache = this.#resources.get(resource);
    if (cache === undefined) return;
    // A set may lose members while it is walked.
    if (!isServed) for (const watcher of cache.watchers()) watcher.stop();
    cache.relayout(this.#resourceOptions(resource).layout);
  }

  /** Says what `stored` will parse to, before it is committed; its resourceVersion is not known yet. */
  announce(stored: Uint8Array, object: KubeObject): void {
    this.#announced.set(stored, { object, cached: undefined });
  }

  /** The announced object as committed at `revision`: the very one that the cache and all watchers share. */
  committed(resource: string, key: string, stored: Uint8Array, revision: number): CachedObject {
    const announced = this.#announced.get(stored);
    if (announced?.cached !== undefined) {
      // The store keeps the bytes of recent changes: they must not keep their parsed objects alive.
      this.#announced.delete(stored);
      return announced.cached;
    }
    const { layout } = this.resource(resource);
    const object = announced && withResourceVersion(announced.object, revision);
    const cached = new CachedObject(key, revision, stored, layout, object);
    if (announced !== undefined) announced.cached = cached;
    return cached;
  }

  /** Waits until the cache shows everything the store had when this was called: what a consistent read needs. */
  async sync(patienceMs: number = FRESHNESS_TIMEOUT_MS): Promise<void> {
    const revision = await this.#store.revision();
    if (revision > this.#revision) await this.waitFor(revision, patienceMs);
  }

  /** Throws a Timeout that says "Too large resource version" when the revision does not come. */
  async waitFor(revision: number, patienceMs: number = FRESHNESS_TIMEOUT_MS): Promise<void> {
    if (revision <= this.#revision) return;
    const waiter: Waiter = { revision, ...Promise.withResolvers<boolean>() };
    this.#waiters.push(waiter);
    this.#askForProgress();
    // Where the event loop stood still for so long, what has come meanwhile has its turn first.
    const timer = this.#clock.after(patienceMs, () => void yieldToLoop().then(() => waiter.resolve(false)));
    const isReached = await waiter.promise;
    timer.cancel();
    if (isReached) return;
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
    throw tooLargeResourceVersion(revision, this.#revision);
  }

  async #load(): Promise<number> {
    let revision: number | undefined;
    let startAfter: string | undefined;
    for (;;) {
      const page = await this.#store.range({
        prefix: REGISTRY_PREFIX,
        limit: LOAD_PAGE,
        ...(startAfter !== undefined && { startAfter }),
        ...(revision !== undefined && { revision }),
      });
      revision ??= this.#revision = page.revision;
      for (const entry of page.entries) {
        const { resource, key } = resourceOfKey(entry.key);
        const cache = this.resource(resource);
        cache.load(new CachedObject(key, entry.revision, entry.value, cache.layout));
      }
      startAfter = page.entries.at(-1)?.key;
      if (page.remaining === 0 || startAfter === undefined) return revision;
      await yieldToLoop();
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const onProgress = (revision: number): void => {
          if (revision > this.#revision) this.#reach(revision);
        };
        const watch = this.#store.watch(REGISTRY_PREFIX, this.#revision, signal, onProgress);
        for await (const changes of watch) await this.#apply(changes);
      } catch (err) {
        if (signal.aborted) return;
        this.#logger.error("Watch of the store failed, trying again", { err });
        await this.#clock.sleep(RESTART_DELAY_MS, signal).catch(() => {});
        if (err instanceof Compacted) await this.#catchUp();
      }
    }
  }

  /** The history since the last change seen is gone: tells the difference to the present state as changes. */
  async #catchUp(): Promise<void> {
    const { entries, revision } = await this.#store.range({ prefix: REGISTRY_PREFIX });
    const present = new Set<string>();
    for (const { key: storeKey, ...entry } of entries) {
      present.add(storeKey);
      const { resource, key } = resourceOfKey(storeKey);
      if (this.resource(resource).get(key)?.revision === entry.revision) continue;
      this.#applyOne({ key: storeKey, previous: undefined, ...entry });
    }
    for (const [resource, cache] of this.#resources) {
      const known = Array.from(cache.list(), ({ key }) => key);
      for (const key of known) {
        const storeKey = storageKey(resource, key);
        if (present.has(storeKey)) continue;
        this.#applyOne({ key: storeKey, revision, value: undefined, previous: undefined });
      }
    }
    this.#reach(revision);
  }

  async #apply(changes: readonly Change[]): Promise<void> {
    let sliceEnd = this.#clock.monotonicMs() + SLICE_MS;
    for (const [i, change] of changes.entries()) {
      this.#applyOne(change);
      // The revision counts as reached only when all of its changes are in.
      const next = changes[i + 1];
      if (next?.revision !== change.revision) this.#reach(change.revision);
      if (next !== undefined && this.#clock.monotonicMs() > sliceEnd) {
        await yieldToLoop();
        sliceEnd = this.#clock.monotonicMs() + SLICE_MS;
      }
    }
  }

  #applyOne(change: Change): void {
    const { resource, key } = resourceOfKey(change.key);
    const cache = this.resource(resource);
    const { value, revision } = change;
    const isOurs = value !== undefined && this.#announced.has(value);
    cache.apply(key, change, isOurs ? this.committed(resource, key, value, revision) : undefined);
  }

  /** What somebody waits for may be a change of others that is none of ours. */
  #askForProgress(): void {
    const store = this.#store;
    if (store.requestProgress === undefined || this.#isAsking) return;
    this.#isAsking = true;
    this.#clock.after(PROGRESS_MS, () => {
      this.#isAsking = false;
      if (this.#waiters.length === 0) return;
      store.requestProgress?.();
      this.#askForProgress();
    });
  }

  #reach(revision: number): void {
    this.#revision = revision;
    if (this.#waiters.length === 0) return;
    const waiting: Waiter[] = [];
    for (const waiter of this.#waiters) {
      if (waiter.revision <= revision) waiter.resolve(true);
      else waiting.push(waiter);
    }
    this.#waiters = waiting;
  }
}

export function tooLargeResourceVersion(asked: number, current: number): StatusError {
  return new StatusError("Timeout", `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    details: {
      causes: [{ reason: "ResourceVersionTooLarge", field: "", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    },
  });
}

/** Lets timers and sockets have their turn. */
export function yieldToLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
