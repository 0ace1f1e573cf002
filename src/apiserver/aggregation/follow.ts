/** Being told of a resource's changes, in the turn in which the cache shows them. @module */
import { EVERYTHING } from "../watchcache/selection.ts";
import type { CachedObject } from "../watchcache/cached-object.ts";
import type { WatchCache } from "../watchcache/watch-cache.ts";
import { Watcher } from "../watchcache/watcher.ts";

const TAKE_MAX = 1_000;

export interface FollowedChange {
  readonly object: CachedObject;
  readonly isDeleted: boolean;
}

/** Changes are told in batches. They are taken as they come, so that none waits. Until `signal` aborts. */
export function follow(
  watchCache: WatchCache,
  resource: string,
  { withInitial, signal }: { readonly withInitial: boolean; readonly signal: AbortSignal },
  onChanges: (changes: readonly FollowedChange[]) => void,
): void {
  const cache = watchCache.resource(resource);
  const watcher = new Watcher({
    selection: EVERYTHING,
    initial: withInitial ? [...cache.list()] : [],
    bookmarks: false,
    backlogBytesMax: Number.POSITIVE_INFINITY,
    onStop: (stopped) => cache.removeWatcher(stopped),
  });
  cache.addWatcher(watcher);
  signal.addEventListener("abort", () => watcher.stop(), { once: true });
  watcher.onReady(() => {
    while (!watcher.isEmpty) {
      const changes = watcher
        .take(TAKE_MAX)
        .flatMap((item) =>
          item.type === "event"
            ? [{ object: item.event.object, isDeleted: item.event.type === "DELETED" }]
            : [],
        );
      if (changes.length > 0) onChanges(changes);
    }
  });
}
