/** How plugins look other objects up: from memory, and from the store where being a moment late would refuse wrongly. @module */
import { isNotFound, type KubeObject } from "#apimachinery";
import type { Registry } from "../registry/registry.ts";

export interface ObjectLookup {
  /** From the watch cache; undefined when there is none, or the resource is not served. */
  get(resource: string, namespace: string, name: string): KubeObject | undefined;
  /** Also sees what was written a moment ago elsewhere. */
  getLive(resource: string, namespace: string, name: string): Promise<KubeObject | undefined>;
  list(resource: string, namespace?: string): readonly KubeObject[];
}

const NOTHING: readonly KubeObject[] = [];
/** Longer lists are asked for rarely, and would keep too much in memory. */
const REMEMBERED_LENGTH_MAX = 64;
const REMEMBERED_MAX = 256;

interface Remembered {
  readonly changes: number;
  readonly objects: readonly KubeObject[];
}

export function registryLookup(registry: () => Registry): ObjectLookup {
  /** Short lists (webhooks, priority classes, quotas) until their resource changes: every write asks for several. */
  const remembered = new Map<string, Remembered>();
  return {
    get(resource, namespace, name) {
      const store = registry().findStore(resource);
      return store?.cache.get(store.key(namespace, name))?.object;
    },
    async getLive(resource, namespace, name) {
      const store = registry().findStore(resource);
      if (store === undefined) return undefined;
      try {
        return (await store.get(namespace, name)).object;
      } catch (err) {
        if (isNotFound(err)) return undefined;
        throw err;
      }
    },
    list(resource, namespace = "") {
      const store = registry().findStore(resource);
      if (store === undefined || store.cache.size === 0) return NOTHING;
      const { cache } = store;
      const { changes } = cache;
      const prefix = namespace === "" ? "" : `${namespace}/`;
      const key = `${resource}/${prefix}`;
      const known = remembered.get(key);
      if (known?.changes === changes) return known.objects;
      const objects = cache.list({ prefix }).map((cached) => cached.object);
      remembered.delete(key);
      if (objects.length <= REMEMBERED_LENGTH_MAX) {
        if (remembered.size >= REMEMBERED_MAX) remembered.clear();
        remembered.set(key, { changes, objects });
      }
      return objects;
    },
  };
}
