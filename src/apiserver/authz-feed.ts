/** Keeps the RBAC index in step with the stored roles and bindings. @module */
import { RbacIndex, type RbacObject } from "./authz/index.ts";
import { follow } from "./watchcache/follow.ts";
import type { WatchCache } from "./watchcache/watch-cache.ts";

const GROUP = "rbac.authorization.k8s.io";
const RESOURCES = ["roles", "clusterroles", "rolebindings", "clusterrolebindings"];

/** Fed within the same turn in which the cache shows a change: a permission counts as soon as it can be read. */
export function feedRbacIndex(watchCache: WatchCache, signal: AbortSignal): RbacIndex {
  const index = new RbacIndex();
  for (const plural of RESOURCES) {
    follow(watchCache.resource(`${GROUP}/${plural}`), { withInitial: true, signal }, (changes) => {
      for (const { object: cached, isDeleted } of changes) {
        const object = cached.object as unknown as RbacObject;
        if (isDeleted) index.delete(object);
        else index.set(object);
      }
    });
  }
  return index;
}
