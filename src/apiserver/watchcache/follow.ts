/** Being told of a resource's changes, in the turn in which the cache shows them. @module */
import type { CachedObject } from "./cached-object.ts";
import type { ResourceCache } from "./resource-cache.ts";
import { EVERYTHING } from "./selection.ts";
import { Watcher } from "./watcher.ts";

const TAKE_MAX = 1_000;

export interface FollowedChange {
  readonly object: CachedObject;
  readonly isDeleted: boolean;
}

export interface FollowOptions {
  /** What is there already is told first. */
  readonly withInitial: boolean;
  readonly signal: AbortSignal;
}

/** Changes are told in batches. They are taken as they come, so that none waits. Until `signal` aborts. */
export function follow(
  cache: ResourceCache,
  { withInitial, signal }: FollowOptions,
  onChanges: (changes: readonly FollowedChange[]) => void,
): void {
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
