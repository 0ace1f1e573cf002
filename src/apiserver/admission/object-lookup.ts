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

export function registryLookup(registry: () => Registry): ObjectLookup {
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
      if (store === undefined) return [];
      const prefix = namespace === "" ? "" : `${namespace}/`;
      return [...store.cache.list({ prefix })].map((cached) => cached.object);
    },
  };
}
