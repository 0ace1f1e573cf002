/** All resources that the server serves, each with the store of its objects. @module */
import { type Clock, type Kind, type KubeObject } from "#apimachinery";
import { lookup, type Scheme } from "#api";
import type { Store } from "#storage";
import type { AdmissionChain } from "../admission/plugin.ts";
import type { Limits } from "../options.ts";
import type { ObjectLayout } from "../watchcache/cached-object.ts";
import type { ResourceCacheOptions } from "../watchcache/resource-cache.ts";
import { resourceKey } from "../watchcache/storage-key.ts";
import type { WatchCache } from "../watchcache/watch-cache.ts";
import { customHooks, isCustomKind, type CustomKind } from "./custom-kind.ts";
import type { FieldManager } from "./field-manager.ts";
import { headOf } from "./object-bytes.ts";
import type { ResourceHooks } from "./resource-hooks.ts";
import { ResourceReader } from "./resource-reader.ts";
import { ResourceStore } from "./resource-store.ts";
import type { KindsChange, ServedKinds } from "./served-kinds.ts";
import type { ServedResource } from "./served-resource.ts";

export interface RegistryOptions {
  readonly kinds: ServedKinds;
  readonly store: Store;
  readonly watchCache: WatchCache;
  readonly clock: Clock;
  readonly random: () => number;
  readonly admission: AdmissionChain;
  readonly fieldManager: FieldManager | undefined;
  /** By resource: `core/services`. */
  readonly hooks: ReadonlyMap<string, ResourceHooks>;
  readonly limits: Limits;
  readonly relaxedDurability: boolean;
  /** Whether a write of the same object would store other bytes. Absent: never. */
  readonly isStale?: ((storeKey: string) => Promise<boolean>) | undefined;
}

/** Written all the time, worth little after a crash: they need not wait for the disk. */
const RELAXED: ReadonlySet<string> = new Set(["core/events", "coordination.k8s.io/leases"]);
/** Resources whose watchers ask for one value of a field above all: kubelets for the pods of their node. */
const INDEXED_FIELDS: Readonly<Record<string, string>> = { "core/pods": "spec.nodeName" };

export class Registry {
  readonly #options: RegistryOptions;
  readonly #served = new Map<string, ServedResource>();
  readonly #stores = new Map<string, ResourceStore>();

  constructor(options: RegistryOptions) {
    this.#options = options;
    for (const kind of options.kinds.scheme.kinds) this.#serve(kind);
    options.kinds.onChange((change) => this.#change(change));
  }

  /** As of now: it changes with CustomResourceDefinitions. */
  get scheme(): Scheme {
    return this.#options.kinds.scheme;
  }

  find(group: string, version: string, plural: string): ServedResource | undefined {
    return this.#served.get(`${group}/${version}/${plural}`);
  }

  /** By kind: what an owner reference or a scale names. */
  all(): Iterable<ServedResource> {
    return this.#served.values();
  }

  /** By what objects say of themselves: `apps/v1`, `Deployment`. */
  findKind(apiVersion: string, kind: string): ServedResource | undefined {
    const [version = "", group = ""] = apiVersion.split("/").toReversed();
    for (const served of this.#served.values()) {
      const own = served.kind;
      if (own.kind === kind && own.version === version && own.group === group) return served;
    }
    return undefined;
  }

  /** Every version in which the objects of `core/pods` and the like are served. */
  versionsOf(resource: string): readonly ServedResource[] {
    return [...this.#served.values()].filter((served) => served.resource === resource);
  }

  /** The store of `core/pods` and the like. Throws when the resource is not served: callers name built-in ones. */
  store(resource: string): ResourceStore {
    const store = this.#stores.get(resource);
    if (store === undefined) throw new Error(`resource ${resource} is not served`);
    return store;
  }

  /** Undefined when the resource is not served. */
  findStore(resource: string): ResourceStore | undefined {
    return this.#stores.get(resource);
  }

  /** Requests that are under way finish with what they were routed to. */
  #change({ added, removed }: KindsChange): void {
    const { watchCache } = this.#options;
    const changed = new Set<string>();
    for (const kind of removed) {
      this.#served.delete(servedKey(kind));
      this.#stores.delete(customKey(kind));
      changed.add(customKey(kind));
    }
    for (const kind of added) {
      this.#stores.delete(customKey(kind));
      changed.add(customKey(kind));
    }
    for (const kind of added) this.#serve(kind);
    for (const resource of changed) watchCache.reconfigure(resource, this.#stores.has(resource));
  }

  #serve(kind: Kind): void {
    const { scheme } = this;
    const { store, watchCache, clock, random, limits } = this.#options;
    const stored = scheme.storedAs(kind);
    const resource = resourceKey(stored.group, stored.names.plural);
    const isView = stored !== kind && !isCustomKind(kind);
    this.#served.set(servedKey(kind), {
      kind,
      resource,
      store: this.#storeOf(stored, resource),
      reader: new ResourceReader({ resource, store, watchCache, clock, random, limits }),
      schema: isCustomKind(kind) ? undefined : lookup(kind),
      ...(isView && {
        toStored: (object: KubeObject) => scheme.convert(object, stored),
        fromStored: (object: KubeObject) => scheme.convert(object, kind),
      }),
      applyDefaults: (object) => scheme.applyDefaults(object),
      ...(isCustomKind(kind) && customParts(kind)),
    });
  }

  #storeOf(kind: Kind, resource: string): ResourceStore {
    const known = this.#stores.get(resource);
    if (known !== undefined) return known;
    const { store, watchCache, clock, random, admission, fieldManager, hooks, relaxedDurability, isStale } =
      this.#options;
    const created = new ResourceStore({
      kind,
      resource,
      store,
      watchCache,
      clock,
      random,
      admission,
      fieldManager,
      hooks: hooks.get(resource) ?? (isCustomKind(kind) ? customHooks(kind) : {}),
      isStale,
      commitOptions: { durability: relaxedDurability && RELAXED.has(resource) ? "memory" : "disk" },
    });
    this.#stores.set(resource, created);
    return created;
  }
}

/** How the cache reads each resource of `scheme`; resources of nobody (left by other versions) are kept as they are. */
export function resourceCacheOptions(
  kinds: ServedKinds,
  limits: Limits,
  freeze: boolean,
): (resource: string) => ResourceCacheOptions {
  const { scheme } = kinds;
  const builtin = new Map(
    scheme.kinds.map((kind) => {
      const stored = scheme.storedAs(kind);
      return [resourceKey(stored.group, stored.names.plural), stored] as const;
    }),
  );
  return (resource) => {
    const kind = builtin.get(resource);
    const layout: ObjectLayout = {
      // Custom resources may be stored in several versions.
      head: kind === undefined ? new Uint8Array() : headOf(kind),
      selectableFields: (kind ?? customStored(kinds, resource))?.selectableFields ?? {},
      freeze,
    };
    const indexedField = INDEXED_FIELDS[resource];
    return {
      layout,
      historyMax: limits.watchHistoryMax,
      ...(indexedField !== undefined && { indexedField }),
    };
  };
}

function customParts(kind: CustomKind): Pick<ServedResource, "custom" | "toStored" | "fromStored"> {
  const { custom } = kind;
  const { toStored, fromStored } = custom;
  return {
    custom,
    ...(toStored !== undefined && { toStored }),
    ...(fromStored !== undefined && { fromStored }),
  };
}

function customStored(kinds: ServedKinds, resource: string): CustomKind | undefined {
  return kinds.custom.find((kind) => customKey(kind) === resource)?.custom.stored;
}

function customKey({ group, names }: Kind): string {
  return resourceKey(group, names.plural);
}

function servedKey({ group, version, names }: Kind): string {
  return `${group}/${version}/${names.plural}`;
}
