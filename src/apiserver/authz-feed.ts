/** Keeps the RBAC index in step with the stored roles and bindings. @module */
import { RbacIndex, type RbacObject } from "./authz/index.ts";
import { EVERYTHING } from "./watchcache/selection.ts";
import type { WatchCache } from "./watchcache/watch-cache.ts";
import { Watcher } from "./watchcache/watcher.ts";

const GROUP = "rbac.authorization.k8s.io";
const RESOURCES = ["roles", "clusterroles", "rolebindings", "clusterrolebindings"];
const TAKE_MAX = 1_000;

/** Fed within the same turn in which the cache shows a change: a permission counts as soon as it can be read. */
export function feedRbacIndex(watchCache: WatchCache): RbacIndex {
  const index = new RbacIndex();
  for (const plural of RESOURCES) {
    const cache = watchCache.resource(`${GROUP}/${plural}`);
    const watcher = new Watcher({
      selection: EVERYTHING,
      initial: [...cache.list()],
      bookmarks: false,
      backlogBytesMax: Number.POSITIVE_INFINITY,
      onStop: (stopped) => cache.removeWatcher(stopped),
    });
    cache.addWatcher(watcher);
    watcher.onReady(() => {
      while (!watcher.isEmpty) for (const item of watcher.take(TAKE_MAX)) apply(index, item);
    });
  }
  return index;
}

function apply(index: RbacIndex, item: ReturnType<Watcher["take"]>[number]): void {
  if (item.type !== "event") return;
  const object = item.event.object.object as unknown as RbacObject;
  if (item.event.type === "DELETED") index.delete(object);
  else index.set(object);
}
