/** One watch, one cache, many handlers. @module */
import {
  keyOf,
  orAborted,
  type Clock,
  type Kind,
  type KubeObject,
  type Logger,
  type ObjectKey,
} from "#apimachinery";
import type { Client, EventHandler, Lister, SharedInformer } from "./client.ts";
import { deepFreeze } from "./freeze.ts";
import { CONTROLLER_UID_INDEX, Indexer, NAMESPACE_INDEX } from "./indexer.ts";
import { runReflector, type ReflectorTarget, type Scope } from "./reflector.ts";
import { nextTurn, turnIsLong } from "./turn.ts";

/** What an informer keeps of a kind. */
export interface InformerOptions<T extends KubeObject = KubeObject> extends Scope {
  /** Makes objects smaller before they are cached. Must not change its argument, its key or its resourceVersion. */
  readonly transform?: (object: T) => T;
}

export interface InformerDependencies {
  readonly client: Pick<Client, "list" | "watch">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Freeze every object, so that a reader who changes one fails at once. */
  readonly freeze: boolean;
  readonly watchList: boolean;
}

interface Registration<T extends KubeObject> {
  readonly handler: EventHandler<T>;
  removed: boolean;
}

type Notification<T> =
  | { readonly type: "add"; readonly object: T; readonly isInInitialList: boolean }
  | { readonly type: "update"; readonly object: T; readonly old: T }
  | { readonly type: "delete"; readonly object: T };

export class Informer<T extends KubeObject> implements SharedInformer<T> {
  readonly kind: Kind<T>;
  readonly lister: Lister<T>;
  readonly #dependencies: InformerDependencies;
  readonly #options: InformerOptions<T>;
  readonly #indexer = new Indexer<T>();
  readonly #synced = Promise.withResolvers<void>();
  /** Replaced, never changed: a handler that comes or goes while others are told does not disturb them. */
  #registrations: readonly Registration<T>[] = [];
  #hasSynced = false;
  #lastSyncResourceVersion = "";

  constructor(kind: Kind<T>, dependencies: InformerDependencies, options: InformerOptions<T> = {}) {
    this.kind = kind;
    this.lister = listerOf(this.#indexer);
    this.#dependencies = dependencies;
    this.#options = options;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  get lastSyncResourceVersion(): string {
    return this.#lastSyncResourceVersion;
  }

  addEventHandler(handler: EventHandler<T>): () => void {
    const registration: Registration<T> = { handler, removed: false };
    for (const object of this.#indexer.list())
      this.#tell(registration, { type: "add", object, isInInitialList: true });
    this.#registrations = [...this.#registrations, registration];
    return () => {
      registration.removed = true;
      this.#registrations = this.#registrations.filter((other) => other !== registration);
    };
  }

  addIndexer(name: string, values: (object: T) => readonly string[]): void {
    this.#indexer.addIndex(name, values);
  }

  /** Resolves when the cache holds the first list and every handler has been told of it. */
  waitForSync(signal: AbortSignal): Promise<void> {
    return orAborted(this.#synced.promise, signal);
  }

  /** Resolves when `signal` aborts. Called once, by the factory. */
  run(signal: AbortSignal): Promise<void> {
    const { client, clock, random, logger, watchList } = this.#dependencies;
    const { namespace, labelSelector, fieldSelector } = this.#options;
    const scope: Scope = {
      ...(namespace !== undefined && { namespace }),
      ...(labelSelector !== undefined && { labelSelector }),
      ...(fieldSelector !== undefined && { fieldSelector }),
    };
    const target = this.#target();
    const { kind } = this;
    return runReflector({ client, kind, scope, target, clock, random, logger, watchList }, signal);
  }

  #target(): ReflectorTarget<T> {
    return {
      replace: (objects, resourceVersion) => this.#replace(objects, resourceVersion),
      set: (object) => this.#set(object, false),
      delete: (object) => this.#delete(keyOf(object), object),
      seen: (resourceVersion) => (this.#lastSyncResourceVersion = resourceVersion),
    };
  }

  async #replace(objects: Iterable<T>, resourceVersion: string): Promise<void> {
    const gone = new Set(this.#indexer.keys());
    for (const object of objects) {
      gone.delete(keyOf(object));
      this.#set(object, !this.#hasSynced);
      if (turnIsLong()) await nextTurn();
    }
    for (const key of gone) {
      this.#delete(key, undefined);
      if (turnIsLong()) await nextTurn();
    }
    this.#lastSyncResourceVersion = resourceVersion;
    this.#hasSynced = true;
    this.#synced.resolve();
  }

  #set(raw: T, isInInitialList: boolean): void {
    const key = keyOf(raw);
    const old = this.#indexer.get(key);
    const isSame = old !== undefined && old.metadata.uid === raw.metadata.uid;
    if (isSame && old.metadata.resourceVersion === raw.metadata.resourceVersion) return;
    const object = this.#prepare(raw);
    this.#indexer.set(object);
    // Deleted and created anew while nobody watched: two objects, not one that changed.
    if (old !== undefined && !isSame) this.#tellAll({ type: "delete", object: old });
    if (isSame) this.#tellAll({ type: "update", object, old });
    else this.#tellAll({ type: "add", object, isInInitialList });
  }

  /** `last` is the state the server tells of with a DELETED event; without it, the cached one is the last known. */
  #delete(key: ObjectKey, last: T | undefined): void {
    const old = this.#indexer.get(key);
    if (old === undefined) return;
    this.#indexer.delete(key);
    this.#tellAll({ type: "delete", object: last === undefined ? old : this.#prepare(last) });
  }

  #prepare(object: T): T {
    const { transform } = this.#options;
    const kept = transform === undefined ? object : transform(object);
    return this.#dependencies.freeze ? deepFreeze(kept) : kept;
  }

  #tellAll(notification: Notification<T>): void {
    for (const registration of this.#registrations) this.#tell(registration, notification);
  }

  #tell({ handler, removed }: Registration<T>, notification: Notification<T>): void {
    if (removed) return;
    const { object } = notification;
    try {
      if (notification.type === "add") handler.onAdd?.(object, notification.isInInitialList);
      else if (notification.type === "update") handler.onUpdate?.(object, notification.old);
      else handler.onDelete?.(object);
    } catch (err) {
      const fields = { kind: this.kind.kind, key: keyOf(object), change: notification.type, err };
      this.#dependencies.logger.error("An event handler threw; the others go on", fields);
    }
  }
}

function listerOf<T extends KubeObject>(indexer: Indexer<T>): Lister<T> {
  return {
    get: (key) => indexer.get(key),
    list: (namespace) =>
      namespace === undefined || namespace === ""
        ? indexer.list()
        : indexer.byIndex(NAMESPACE_INDEX, namespace),
    byIndex: (index, value) => indexer.byIndex(index, value),
    controlledBy: (owner) => indexer.byIndex(CONTROLLER_UID_INDEX, owner.metadata.uid ?? ""),
  };
}
