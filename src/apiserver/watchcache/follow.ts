/** Being told of a resource's changes, in the turn in which the cache shows them. @module */
import type { CachedObject } from "./cached-object.ts";
import type { ResourceCache } from "./resource-cache.ts";
import { EVERYTHING } from "./selection.ts";
import { Watcher, type WatchItem } from "./watcher.ts";

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

/**
 * Changes are told in batches, until `signal` aborts. They are taken as they come, so that none waits. An object that can no longer be
 * read counts as it was last, until it can be read again or is deleted.
 */
export function follow(
  cache: ResourceCache,
  { withInitial, signal }: FollowOptions,
  onChanges: (changes: readonly FollowedChange[]) => void,
): void {
  let watcher: Watcher;
  const begin = (initial: readonly CachedObject[]): void => {
    watcher = new Watcher({
      selection: EVERYTHING,
      initial,
      bookmarks: false,
      backlogBytesMax: Number.POSITIVE_INFINITY,
      onStop: (stopped) => cache.removeWatcher(stopped),
    });
    cache.addWatcher(watcher);
    watcher.onReady(onReady);
  };
  const onReady = (): void => {
    while (!watcher.isEmpty) {
      const changes = watcher.take(TAKE_MAX).flatMap(changeOf);
      if (changes.length > 0) onChanges(changes);
    }
    // Ended in the turn of a change that cannot be read: whoever begins anew at once has missed that one only.
    if (watcher.isEnded && !signal.aborted) begin([]);
  };
  begin(withInitial ? cache.list().filter(({ isUnreadable }) => !isUnreadable) : []);
  signal.addEventListener("abort", () => watcher.stop(), { once: true });
}

function changeOf(item: WatchItem): FollowedChange[] {
  if (item.type !== "event") return [];
  return [{ object: item.event.object, isDeleted: item.event.type === "DELETED" }];
}
