/** Lists and watches of one resource, answered from the watch cache, and from the store only for the past. @module */
import { apiVersionOf, badRequest, notFound, StatusError, type Clock, type Kind } from "#apimachinery";
import { Compacted, type Store } from "#storage";
import type { ObjectList } from "../handlers/request.ts";
import type { Limits } from "../options.ts";
import { CachedObject } from "../watchcache/cached-object.ts";
import type { ResourceCache } from "../watchcache/resource-cache.ts";
import { isSelected, type Selection } from "../watchcache/selection.ts";
import { resourceOfKey, storageKey, storagePrefix } from "../watchcache/storage-key.ts";
import { tooLargeResourceVersion, yieldToLoop, type WatchCache } from "../watchcache/watch-cache.ts";
import { Watcher } from "../watchcache/watcher.ts";
import { ContinueExpired, decodeContinue, encodeContinue } from "./continue-token.ts";
import { revisionOf, wantsInitialEvents, type ListOptions } from "./list-options.ts";

/** Entries read from the store at once when a page of the past is filtered. */
const PAST_PAGE = 500;
/** Objects matched between two turns of the event loop. */
const SCAN_SLICE = 2_000;

export interface ResourceReaderOptions {
  readonly resource: string;
  readonly store: Store;
  readonly watchCache: WatchCache;
  readonly clock: Clock;
  readonly random: () => number;
  readonly limits: Limits;
}

interface Page {
  readonly items: readonly CachedObject[];
  readonly revision: number;
  /** Objects beyond the page; undefined when that is not known (selectors). */
  readonly remaining: number | undefined;
  readonly isLast: boolean;
}

export class ResourceReader {
  readonly #options: ResourceReaderOptions;

  constructor(options: ResourceReaderOptions) {
    this.#options = options;
  }

  get limits(): Limits {
    return this.#options.limits;
  }

  get cache(): ResourceCache {
    return this.#options.watchCache.resource(this.#options.resource);
  }

  /** One object, at least as new as `resourceVersion`: "" is as of now, "0" as it happens to be known. Throws NotFound. */
  async get(kind: Kind, key: string, name: string, resourceVersion: string): Promise<CachedObject> {
    const { watchCache } = this.#options;
    const revision = revisionOf(resourceVersion);
    if (revision !== undefined) await watchCache.waitFor(revision);
    else if (resourceVersion === "") await watchCache.sync();
    const object = this.cache.get(key);
    if (object === undefined) throw notFound({ group: kind.group, resource: kind.names.plural }, name);
    object.checkReadable();
    return object;
  }

  /** `kind` names the list; objects are in stored form. */
  async list(kind: Kind, selection: Selection, options: ListOptions): Promise<ObjectList> {
    const page = await this.#page(selection, options);
    const last = page.items.at(-1);
    const next =
      page.isLast || last === undefined
        ? undefined
        : encodeContinue({ revision: page.revision, startAfter: last.key });
    return {
      apiVersion: apiVersionOf(kind),
      kind: kind.names.listKind ?? `${kind.kind}List`,
      resourceVersion: String(page.revision),
      items: page.items,
      ...(next !== undefined && { continue: next }),
      ...(next !== undefined && page.remaining !== undefined && { remainingItemCount: page.remaining }),
    };
  }

  /** Begins a watch. The caller owns it: it must call `stop`. One from a forgotten time tells so as its only event. */
  async watch(selection: Selection, options: ListOptions): Promise<Watcher> {
    const { watchCache, limits } = this.#options;
    const from = revisionOf(options.resourceVersion);
    const wantsState = wantsInitialEvents(options);
    const tooEarly = wantsState ? await this.#reach(from, options) : undefined;
    // From here to the end nothing is awaited: no change can slip between the state and the watching.
    const { cache } = this;
    const tellsState = wantsState && tooEarly === undefined;
    const watcher = new Watcher({
      selection,
      initial: tellsState ? this.#readable(cache.list(selection)) : [],
      ...(tellsState && options.allowWatchBookmarks && { initialEventsEndAt: watchCache.revision }),
      ...(!wantsState && from !== undefined && { after: from }),
      bookmarks: options.allowWatchBookmarks,
      backlogBytesMax: limits.watcherBacklogBytesMax,
      onStop: (stopped) => cache.removeWatcher(stopped),
    });
    if (tooEarly !== undefined) {
      watcher.fail(tooEarly);
      return watcher;
    }
    if (!wantsState && from !== undefined) {
      const since = cache.since(from);
      if (since instanceof StatusError) {
        watcher.fail(since);
        return watcher;
      }
      for (const event of since) watcher.offer(event);
    }
    cache.addWatcher(watcher);
    return watcher;
  }

  /** Waits for the state a watch is to begin with; the error if it does not come, which such a watch tells as its only event. */
  async #reach(from: number | undefined, { resourceVersion }: ListOptions): Promise<StatusError | undefined> {
    const { watchCache } = this.#options;
    try {
      if (from !== undefined) await watchCache.waitFor(from);
      else if (resourceVersion === "") await watchCache.sync();
      return undefined;
    } catch (err) {
      if (err instanceof StatusError) return err;
      throw err;
    }
  }

  /** How long a watch lasts: as asked, else at random so that clients do not come back all at once. */
  watchTimeoutMs({ timeoutSeconds }: ListOptions): number {
    if (timeoutSeconds !== undefined && timeoutSeconds > 0) return timeoutSeconds * 1000;
    const { random, limits } = this.#options;
    return limits.watchTimeoutSecondsMin * 1000 * (1 + random());
  }

  async #page(selection: Selection, options: ListOptions): Promise<Page> {
    const { watchCache } = this.#options;
    if (options.continue !== "") {
      if (options.resourceVersion !== "" && options.resourceVersion !== "0") {
        throw badRequest("specifying resource version is not allowed when using continue");
      }
      const { revision, startAfter } = decodeContinue(options.continue);
      if (revision < 0) {
        await watchCache.sync();
        return this.#present(selection, options.limit, startAfter);
      }
      return this.#at(selection, options.limit, revision, startAfter);
    }
    const revision = revisionOf(options.resourceVersion);
    if (revision === undefined) {
      // Whoever takes any state gets it whole.
      if (options.resourceVersion === "0") return this.#present(selection, 0, "");
      await watchCache.sync();
      return this.#present(selection, options.limit, "");
    }
    const isExact =
      options.resourceVersionMatch === "Exact" || (options.resourceVersionMatch === "" && options.limit > 0);
    if (isExact) return this.#at(selection, options.limit, revision, "");
    await watchCache.waitFor(revision);
    return this.#present(selection, options.limit, "");
  }

  /** A page of the state at `revision`: the cache's when nothing changed since, else the store's history. */
  async #at(selection: Selection, limit: number, revision: number, startAfter: string): Promise<Page> {
    const { watchCache } = this.#options;
    await watchCache.waitFor(revision);
    // A page goes on as long as others would, however little this resource changes: clients count on its end.
    const isKept = revision >= watchCache.compacted;
    if (isKept && this.cache.lastChange <= revision) {
      return { ...(await this.#present(selection, limit, startAfter)), revision };
    }
    try {
      if (!isKept) throw new Compacted(revision, watchCache.compacted);
      return await this.#past(selection, limit, revision, startAfter);
    } catch (err) {
      if (!(err instanceof Compacted)) throw err;
      if (startAfter !== "") throw new ContinueExpired(startAfter);
      throw new StatusError("Expired", `The resourceVersion for the provided list is too old.`);
    }
  }

  async #present(selection: Selection, limit: number, startAfter: string): Promise<Page> {
    const { revision } = this.#options.watchCache;
    const found = await this.#scan(selection, startAfter);
    const isLast = limit === 0 || found.length <= limit;
    return {
      items: isLast ? found : found.slice(0, limit),
      revision,
      remaining: isLast || selection.matches !== undefined ? undefined : found.length - limit,
      isLast,
    };
  }

  /** Collects references first and matches in slices: what is collected is one consistent state. */
  async #scan(selection: Selection, startAfter: string): Promise<readonly CachedObject[]> {
    const { matches, ...everything } = selection;
    const candidates = this.#readable(this.cache.list(everything, startAfter));
    if (matches === undefined) return candidates;
    const found: CachedObject[] = [];
    for (const [i, object] of candidates.entries()) {
      if (matches(object)) found.push(object);
      if (i % SCAN_SLICE === SCAN_SLICE - 1) await yieldToLoop();
    }
    return found;
  }

  async #past(selection: Selection, limit: number, revision: number, startAfter: string): Promise<Page> {
    const { store, resource, watchCache } = this.#options;
    if (revision > watchCache.revision) throw tooLargeResourceVersion(revision, watchCache.revision);
    const items: CachedObject[] = [];
    let after = startAfter;
    for (;;) {
      const size = selection.matches === undefined && limit > 0 ? limit - items.length : PAST_PAGE;
      const range = await store.range({
        prefix: storagePrefix(resource, selection.prefix),
        limit: size,
        revision,
        ...(after !== "" && { startAfter: storageKey(resource, after) }),
      });
      for (const [i, entry] of range.entries.entries()) {
        const { key } = resourceOfKey(entry.key);
        after = key;
        const object = this.#objectOf(key, entry.revision, entry.value);
        object.checkReadable();
        if (isSelected(selection, object)) items.push(object);
        if (limit > 0 && items.length === limit) {
          const remaining = range.entries.length - i - 1 + range.remaining;
          const isKnown = selection.matches === undefined;
          return { items, revision, remaining: isKnown ? remaining : undefined, isLast: remaining === 0 };
        }
      }
      if (range.remaining === 0) return { items, revision, remaining: 0, isLast: true };
    }
  }

  #objectOf(key: string, revision: number, value: Uint8Array): CachedObject {
    const cached = this.cache.get(key);
    if (cached?.revision === revision) return cached;
    return new CachedObject(key, revision, value, this.cache.layout);
  }

  /** Throws before an answer begins: an object that is missing in it would be taken for deleted. */
  #readable(objects: readonly CachedObject[]): readonly CachedObject[] {
    if (this.cache.hasUnreadable) for (const object of objects) object.checkReadable();
    return objects;
  }
}
