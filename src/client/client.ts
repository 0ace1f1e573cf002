/** The client: how every component talks to the API. Upstream's verbs, typed by the `Kind` they are given. @module */
import type { Kind, KubeList, KubeObject, ObjectKey, WatchEvent } from "#apimachinery";
import type { Transport } from "./transport.ts";

/** Which object; `namespace` is absent for cluster-scoped kinds. An object's own `metadata` fits. */
export interface ObjectRef {
  readonly namespace?: string;
  readonly name: string;
}

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: "Exact" | "NotOlderThan";
}

export interface WatchOptions extends Omit<ListOptions, "limit" | "continue"> {
  readonly allowWatchBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
  readonly timeoutSeconds?: number;
}

export interface WriteOptions {
  readonly dryRun?: "All";
  readonly fieldManager?: string;
  readonly fieldValidation?: "Ignore" | "Warn" | "Strict";
}

export interface DeleteOptions {
  readonly dryRun?: "All";
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Orphan" | "Background" | "Foreground";
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** The body of a PATCH in one of its media types. */
export type Patch =
  | { readonly type: "json"; readonly body: readonly unknown[] }
  | { readonly type: "merge" | "strategic"; readonly body: Readonly<Record<string, unknown>> }
  | { readonly type: "apply"; readonly body: Readonly<Record<string, unknown>>; readonly force?: boolean };

export interface PatchOptions extends WriteOptions {
  readonly subresource?: string;
}

/** Failures are `StatusError`s; see the predicates of `#apimachinery`. Returned objects are shared: treat them as frozen. */
export interface Client {
  get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, signal: AbortSignal): Promise<T>;
  list<T extends KubeObject>(kind: Kind<T>, options: ListOptions, signal: AbortSignal): Promise<KubeList<T>>;
  watch<T extends KubeObject>(
    kind: Kind<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject>(
    kind: Kind<T>,
    object: T,
    signal: AbortSignal,
    options?: WriteOptions,
  ): Promise<T>;
  update<T extends KubeObject>(
    kind: Kind<T>,
    object: T,
    signal: AbortSignal,
    options?: WriteOptions,
  ): Promise<T>;
  /** PUT to the `status` subresource. */
  updateStatus<T extends KubeObject>(
    kind: Kind<T>,
    object: T,
    signal: AbortSignal,
    options?: WriteOptions,
  ): Promise<T>;
  patch<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    patch: Patch,
    signal: AbortSignal,
    options?: PatchOptions,
  ): Promise<T>;
  delete<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    signal: AbortSignal,
    options?: DeleteOptions,
  ): Promise<void>;
  deleteCollection<T extends KubeObject>(
    kind: Kind<T>,
    list: ListOptions,
    signal: AbortSignal,
    options?: DeleteOptions,
  ): Promise<void>;
  /** POST to a subresource (binding, eviction, token); resolves with the answer. */
  createSubresource<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    subresource: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<unknown>;
  /** GET of a subresource (scale). */
  getSubresource<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    subresource: string,
    signal: AbortSignal,
  ): Promise<unknown>;
  /** PUT to a subresource other than status (finalize, approval, scale); resolves with the answer. */
  updateSubresource<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    subresource: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<unknown>;
  readonly transport: Transport;
}

/** Read-only view of an informer's cache. Objects are shared: treat them as frozen. */
export interface Lister<T extends KubeObject> {
  get(key: ObjectKey): T | undefined;
  /** All objects, or those of one namespace. */
  list(namespace?: string): readonly T[];
  /** Objects that an index maps to `value`. Throws if the informer has no index of that name. */
  byIndex(index: string, value: string): readonly T[];
  controlledBy(owner: KubeObject): readonly T[];
}

/** Told of every change of the cache, in order, after the cache shows it. Must not throw and must not block. */
export interface EventHandler<T extends KubeObject> {
  readonly onAdd?: (object: T, isInInitialList: boolean) => void;
  readonly onUpdate?: (object: T, old: T) => void;
  /** `object` is the last state known. */
  readonly onDelete?: (object: T) => void;
}

/** One watch, one cache, many handlers. */
export interface SharedInformer<T extends KubeObject> {
  readonly kind: Kind<T>;
  readonly lister: Lister<T>;
  /** Returns a function that removes the handler. A late handler is first told of everything in the cache. */
  addEventHandler(handler: EventHandler<T>): () => void;
  /** Index name -> the values under which an object is found. Throws a RangeError when the name is taken. */
  addIndexer(name: string, values: (object: T) => readonly string[]): void;
  readonly hasSynced: boolean;
  /** The resourceVersion up to which the cache has seen changes. */
  readonly lastSyncResourceVersion: string;
}

/** Gives every part of a process the same informer per kind. */
export interface InformerFactory {
  informer<T extends KubeObject>(kind: Kind<T>): SharedInformer<T>;
  lister<T extends KubeObject>(kind: Kind<T>): Lister<T>;
  /** Starts the informers asked for so far (again after more were); they stop when `signal` aborts. */
  start(signal: AbortSignal): void;
  /** Resolves when every started informer has its first list. */
  waitForSync(signal: AbortSignal): Promise<void>;
}

export interface EventOptions {
  /** The part of the object it is about: `spec.containers{web}`. */
  readonly fieldPath?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Who reports, when not the component the recorder was made for. */
  readonly component?: string;
  /** What the component did, in one word: events.k8s.io/v1 alone. Default: the reason. */
  readonly action?: string;
  /** A second object that it is about. */
  readonly related?: KubeObject;
}

/** Writes Events about objects: best effort, aggregated, never throws. The words are upstream's: people read them in `describe`. */
export interface EventRecorder {
  event(
    about: KubeObject,
    type: "Normal" | "Warning",
    reason: string,
    message: string,
    options?: EventOptions,
  ): void;
}
