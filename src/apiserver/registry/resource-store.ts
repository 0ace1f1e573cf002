/** Storing the objects of one resource: create, update, delete with every rule that is the same for all kinds; upstream's `registry.Store`. @module */
import {
  alreadyExists,
  conflict,
  formatTime,
  generateName,
  invalid,
  jsonEqual,
  nameRuleOf,
  notFound,
  OPTIMISTIC_LOCK_MESSAGE,
  StatusError,
  validateObjectMeta,
  validateObjectMetaUpdate,
  type Clock,
  type GroupResource,
  type GroupVersionKind,
  type JsonObject,
  type Kind,
  type KubeObject,
  type ObjectMetaRules,
  type StatusCause,
} from "#apimachinery";
import { validateKubeFinalizers } from "#api/validation/finalizers";
import { RevisionConflict, type CommitOptions, type Store, type Write } from "#storage";
import type { AdmissionChain, Attributes, Operation } from "../admission/plugin.ts";
import { CachedObject } from "../watchcache/cached-object.ts";
import type { ResourceCache } from "../watchcache/resource-cache.ts";
import { storageKey } from "../watchcache/storage-key.ts";
import type { WatchCache } from "../watchcache/watch-cache.ts";
import type { RequestContext } from "./context.ts";
import { isCustomKind } from "./custom-kind.ts";
import type { FieldManager } from "./field-manager.ts";
import { hasGeneration } from "./generation.ts";
import { toBytes } from "./object-bytes.ts";
import { checkCreate, checkNamespace, planCreate } from "./plan-create.ts";
import { planDelete, type DeleteOptions } from "./plan-delete.ts";
import { checkUpdatePreconditions, planUpdate } from "./plan-update.ts";
import { nothingBegun, type Begun, type ResourceHooks } from "./resource-hooks.ts";
import { keepsStatusOnCreate, withoutStatus } from "./status.ts";
import { newUid } from "./uid.ts";
import { WriteAttributes, type AdmittedObjects } from "./write-attributes.ts";

/** Names tried for one `generateName`; upstream's RetryGenerateName. */
const NAME_ATTEMPTS_MAX = 8;
/** Commits tried for one write while others change the same object. */
const COMMIT_ATTEMPTS_MAX = 50;

export interface ResourceStoreOptions {
  /** The version objects are stored in. */
  readonly kind: Kind;
  /** `core/pods`. */
  readonly resource: string;
  readonly store: Store;
  readonly watchCache: WatchCache;
  readonly clock: Clock;
  readonly random: () => number;
  readonly admission: AdmissionChain;
  readonly fieldManager: FieldManager | undefined;
  readonly hooks: ResourceHooks;
  readonly commitOptions: CommitOptions;
  /** Whether a write of the same object would store other bytes: with another key. */
  readonly isStale?: ((storeKey: string) => Promise<boolean>) | undefined;
}

export interface UpdateRequest {
  /** "": the object itself. */
  readonly subresource: string;
  /** The wanted object, from the stored one; called again when that changed meanwhile. Undefined: nothing is stored yet. */
  readonly transform: (stored: KubeObject | undefined) => KubeObject | Promise<KubeObject>;
  /** The missing object is created. */
  readonly mayCreate: boolean;
  /** `transform` has set managedFields itself (server-side apply). */
  readonly ownsManagedFields?: boolean;
  /** Kinds of the system's own writes: admission and strategies were already asked, or do not apply. */
  readonly strategy?: "ordinary" | "none";
  /** What admission is shown in place of the object: a Scale. */
  readonly view?: AdmissionView;
  /** Admission was asked about what the client sent: a Binding. */
  readonly isAdmitted?: boolean;
}

/** A subresource whose objects are of another kind. */
export interface AdmissionView {
  readonly kind: GroupVersionKind;
  readonly of: (object: KubeObject) => KubeObject;
  /** The object with what `shown` says. */
  readonly into: (object: KubeObject, shown: KubeObject) => KubeObject;
}

export interface Written {
  readonly object: CachedObject;
  readonly created: boolean;
}

export interface Deleted {
  /** The last state: gone, or waiting to go. */
  readonly object: CachedObject;
  readonly isGone: boolean;
}

export class ResourceStore {
  readonly kind: Kind;
  readonly resource: string;
  readonly groupResource: GroupResource;
  readonly #options: ResourceStoreOptions;
  readonly #hasGeneration: boolean;
  readonly #metaRules: ObjectMetaRules;

  constructor(options: ResourceStoreOptions) {
    this.kind = options.kind;
    this.resource = options.resource;
    this.groupResource = { group: options.kind.group, resource: options.kind.names.plural };
    this.#options = options;
    this.#hasGeneration = hasGeneration(options.resource);
    this.#metaRules = {
      namespaced: options.kind.scope === "Namespaced",
      nameRule: nameRuleOf(options.kind),
    };
  }

  get cache(): ResourceCache {
    return this.#options.watchCache.resource(this.resource);
  }

  key(namespace: string, name: string): string {
    return this.kind.scope === "Namespaced" ? `${namespace}/${name}` : name;
  }

  /** The object as of now, also when another server wrote it a moment ago. */
  async get(namespace: string, name: string): Promise<CachedObject> {
    await this.#options.watchCache.sync();
    const object = this.cache.get(this.key(namespace, name));
    if (object === undefined) throw notFound(this.groupResource, name);
    return object;
  }

  /** `ownsManagedFields`: the object says itself who set what (server-side apply). */
  async create(
    namespace: string,
    input: KubeObject,
    context: RequestContext,
    ownsManagedFields = false,
  ): Promise<CachedObject> {
    checkCreate(input, namespace);
    const subject = { namespace, name: input.metadata.name ?? "", subresource: "" };
    // Ownership is of what the client sent: what admission adds belongs to nobody.
    const sent = keepsStatusOnCreate(this.kind, this.resource) ? input : withoutStatus(input);
    const managed = ownsManagedFields ? sent : this.#manage(sent, undefined, "", context);
    const attributes = this.#attributes("CREATE", subject, context, { object: managed });
    const admitted = await this.#options.admission.admit(managed, attributes);
    const { name, generateName: base } = admitted.metadata;
    const mustGenerate = (name === undefined || name === "") && base !== undefined && base !== "";
    for (let attempt = 1; ; attempt++) {
      const chosen = mustGenerate ? generateName(base, this.#options.random) : (name ?? "");
      try {
        return await this.#createNamed(namespace, chosen, admitted, context);
      } catch (err) {
        const isTaken = err instanceof StatusError && err.reason === "AlreadyExists";
        if (!isTaken || !mustGenerate) throw err;
        if (attempt === NAME_ATTEMPTS_MAX) throw notUnique(this.groupResource, chosen);
      }
    }
  }

  async update(
    namespace: string,
    name: string,
    request: UpdateRequest,
    context: RequestContext,
  ): Promise<Written> {
    const key = this.key(namespace, name);
    let isFresh = false;
    for (let attempt = 1; attempt <= COMMIT_ATTEMPTS_MAX; attempt++) {
      const stored = isFresh ? await this.#read(key) : this.cache.get(key);
      try {
        if (stored === undefined) {
          return { object: await this.#createOnUpdate(namespace, name, request, context), created: true };
        }
        return { object: await this.#updateOnce(stored, request, context), created: false };
      } catch (err) {
        // What the cache showed may be old: only the store's own word refuses a client.
        if (!isFresh && (err instanceof RevisionConflict || err instanceof StatusError)) {
          const latest = await this.#read(key);
          if (!(err instanceof RevisionConflict) && latest?.revision === stored?.revision) throw err;
        } else if (!(err instanceof RevisionConflict)) throw err;
        isFresh = true;
      }
    }
    throw conflict(this.groupResource, name, OPTIMISTIC_LOCK_MESSAGE);
  }

  async delete(
    namespace: string,
    name: string,
    options: DeleteOptions,
    context: RequestContext,
  ): Promise<Deleted> {
    const key = this.key(namespace, name);
    const subject = { namespace, name, subresource: "" };
    for (let attempt = 1; attempt <= COMMIT_ATTEMPTS_MAX; attempt++) {
      const stored = await this.#read(key);
      if (stored === undefined) throw notFound(this.groupResource, name);
      const attributes = this.#attributes("DELETE", subject, context, {
        oldObject: stored.object,
        deleteOptions: options as JsonObject,
      });
      await this.#options.admission.validate(attributes);
      try {
        return await this.#deleteOnce(stored, options, context);
      } catch (err) {
        if (!(err instanceof RevisionConflict)) throw err;
      }
    }
    throw conflict(this.groupResource, name, OPTIMISTIC_LOCK_MESSAGE);
  }

  async #createNamed(
    namespace: string,
    name: string,
    input: KubeObject,
    context: RequestContext,
  ): Promise<CachedObject> {
    const { kind, resource } = this;
    const facts = {
      namespace,
      name,
      uid: newUid(this.#options.random),
      creationTimestamp: formatTime(this.#options.clock.now()),
      hasGeneration: this.#hasGeneration,
    };
    const planned = planCreate(kind, resource, input, facts);
    const { hooks } = this.#options;
    const begin = async (as: RequestContext): Promise<Begun> =>
      (await hooks.beginCreate?.(planned, as)) ?? nothingBegun(planned);
    await this.#tryFirst(begin, context, (object) => this.#validateCreate(object));
    return this.#finishing(await begin(context), context, async (object) => {
      this.#validateCreate(object);
      for (const warning of kind.strategy?.warnings?.(object, undefined, "") ?? []) context.warn(warning);
      const subject = { namespace, name, subresource: "" };
      await this.#options.admission.validate(this.#attributes("CREATE", subject, context, { object }));
      const key = this.key(namespace, name);
      const bytes = toBytes(kind, object);
      if (context.dryRun) return this.#dryCreated(key, bytes, object);
      try {
        return await this.#commit(key, bytes, object, 0);
      } catch (err) {
        if (err instanceof RevisionConflict) throw alreadyExists(this.groupResource, name);
        throw err;
      }
    });
  }

  #validateCreate(object: KubeObject): void {
    const { kind } = this;
    const causes = [
      ...validateObjectMeta(object.metadata, this.#metaRules),
      ...this.#finalizerCauses(object),
      ...(kind.validate?.(object) ?? []),
      ...(kind.validateCreate?.(object) ?? []),
    ];
    if (causes.length > 0) throw invalid(kind, object.metadata.name, causes);
  }

  /** Nothing is taken for an object that will be refused. */
  async #tryFirst(
    begin: (context: RequestContext) => Promise<Begun>,
    context: RequestContext,
    check: (object: KubeObject) => void,
  ): Promise<void> {
    if (context.dryRun || this.#options.hooks.takesFromStore !== true) return;
    const trial = await begin({ ...context, dryRun: true });
    await trial.finish(false);
    check(trial.object);
  }

  async #createOnUpdate(
    namespace: string,
    name: string,
    request: UpdateRequest,
    context: RequestContext,
  ): Promise<CachedObject> {
    if (!request.mayCreate) throw notFound(this.groupResource, name);
    const input = await request.transform(undefined);
    const { uid, resourceVersion: _resourceVersion, ...metadata } = input.metadata;
    if (uid !== undefined && uid !== "") {
      const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: `;
      throw conflict(this.groupResource, name, why);
    }
    const object = { ...input, metadata: { ...metadata, name } };
    // A request for a Namespace is one in that namespace, the object is in none.
    const scope = this.kind.scope === "Namespaced" ? namespace : "";
    return this.create(scope, object, context, request.ownsManagedFields);
  }

  async #updateOnce(
    stored: CachedObject,
    request: UpdateRequest,
    context: RequestContext,
  ): Promise<CachedObject> {
    const { kind } = this;
    const old = stored.object;
    const input = await request.transform(old);
    checkNamespace(input.metadata.namespace, stored.namespace);
    checkUpdatePreconditions(kind, input, old);
    const planned = await this.#planUpdate(input, old, request, context);
    const { hooks } = this.#options;
    const begin = async (as: RequestContext): Promise<Begun> =>
      (await hooks.beginUpdate?.(planned, old, as)) ?? nothingBegun(planned);
    await this.#tryFirst(begin, context, (object) =>
      this.#validateUpdate(object, old, request.subresource, { ...context, warn: () => {} }),
    );
    return this.#finishing(await begin(context), context, async (object) => {
      this.#validateUpdate(object, old, request.subresource, context);
      const { namespace, name } = stored;
      const subject = { namespace, name, subresource: request.subresource };
      if (request.isAdmitted !== true) {
        const objects = shownObjects(object, old, request.view);
        await this.#options.admission.validate(this.#attributes("UPDATE", subject, context, objects));
      }
      if (this.#isFinalised(object, old)) {
        await this.#remove(stored, context);
        // As the writer left it, at the version it was written on.
        return new CachedObject(stored.key, stored.revision, toBytes(kind, object), this.cache.layout);
      }
      const bytes = toBytes(kind, object);
      const isSameObject = stored.isStoredAs(bytes) || isSame(object, old);
      if (isSameObject && !(await this.#isStale(stored.key))) {
        await this.#untilSeen(stored.revision);
        return stored;
      }
      if (context.dryRun) return new CachedObject(stored.key, stored.revision, bytes, this.cache.layout);
      return this.#commit(stored.key, bytes, object, stored.revision);
    });
  }

  async #planUpdate(
    input: KubeObject,
    old: KubeObject,
    request: UpdateRequest,
    context: RequestContext,
  ): Promise<KubeObject> {
    const { subresource } = request;
    if (request.strategy === "none") return input;
    const { namespace = "", name } = old.metadata;
    const { view } = request;
    const objects = shownObjects(input, old, view);
    const attributes = this.#attributes("UPDATE", { namespace, name, subresource }, context, objects);
    const shown = await this.#options.admission.admit(objects.object, attributes);
    if (shown !== objects.object) checkNamespace(shown.metadata.namespace, namespace);
    const admitted = shown === objects.object ? input : (view?.into(input, shown) ?? shown);
    const planned = planUpdate(this.kind, admitted, old, {
      subresource,
      hasGeneration: this.#hasGeneration,
    });
    return request.ownsManagedFields === true ? planned : this.#manage(planned, old, subresource, context);
  }

  #validateUpdate(object: KubeObject, old: KubeObject, subresource: string, context: RequestContext): void {
    const { kind } = this;
    const causes = [
      ...validateObjectMetaUpdate(object.metadata, old.metadata),
      ...this.#finalizerCauses(object),
      ...validateKindUpdate(kind, object, old, subresource),
    ];
    if (causes.length > 0) throw invalid(kind, old.metadata.name, causes);
    for (const warning of kind.strategy?.warnings?.(object, old, subresource) ?? []) context.warn(warning);
  }

  #finalizerCauses({ metadata: { finalizers } }: KubeObject): readonly StatusCause[] {
    return isCustomKind(this.kind) ? [] : validateKubeFinalizers(this.kind.group, finalizers);
  }

  async #deleteOnce(stored: CachedObject, options: DeleteOptions, context: RequestContext): Promise<Deleted> {
    const plan = planDelete(this.kind, stored.object, options, this.#options.clock.now());
    if (plan.action === "none") return { object: stored, isGone: false };
    const { hooks, clock } = this.#options;
    const isKept = hooks.mayDelete?.(stored.object) === false;
    if (plan.action === "update" || isKept) {
      const marked = plan.action === "update" ? plan.object : markTerminating(stored.object, clock.now());
      const object = isKept ? (hooks.markTerminating?.(marked) ?? marked) : marked;
      const bytes = toBytes(this.kind, object);
      if (stored.isStoredAs(bytes)) return { object: stored, isGone: false };
      if (context.dryRun) {
        return {
          object: new CachedObject(stored.key, stored.revision, bytes, this.cache.layout),
          isGone: false,
        };
      }
      return { object: await this.#commit(stored.key, bytes, object, stored.revision), isGone: false };
    }
    return this.#remove(stored, context);
  }

  async #remove(stored: CachedObject, context: RequestContext): Promise<Deleted> {
    if (context.dryRun) return { object: stored, isGone: true };
    const write: Write = {
      key: storageKey(this.resource, stored.key),
      value: undefined,
      ifRevision: stored.revision,
    };
    const revision = await this.#options.store.commit([write], this.#options.commitOptions);
    await this.#untilSeen(revision);
    await this.#options.hooks.afterDelete?.(stored.object);
    return { object: stored.at(revision), isGone: true };
  }

  /** The last finalizer of an object that was waiting for it is gone. */
  #isFinalised(object: KubeObject, old: KubeObject): boolean {
    if (old.metadata.deletionTimestamp === undefined) return false;
    if ((old.metadata.deletionGracePeriodSeconds ?? 0) > 0) return false;
    if ((object.metadata.finalizers ?? []).length > 0) return false;
    return this.#options.hooks.mayDelete?.(object) ?? true;
  }

  async #commit(
    key: string,
    bytes: Uint8Array,
    object: KubeObject,
    ifRevision: number,
  ): Promise<CachedObject> {
    const { store, watchCache, commitOptions } = this.#options;
    watchCache.announce(bytes, object);
    const write = { key: storageKey(this.resource, key), value: bytes, ifRevision };
    const revision = await store.commit([write], commitOptions);
    const committed = watchCache.committed(this.resource, key, bytes, revision);
    await this.#untilSeen(revision);
    return committed;
  }

  /** For those who need it only. A write that is stored stands, however late the cache shows it. */
  async #untilSeen(revision: number): Promise<void> {
    const { hooks, watchCache } = this.#options;
    if (hooks.answersWhenSeen === true) await watchCache.waitFor(revision).catch(() => {});
  }

  /** Then even a write of what is there is done: that is how objects are encrypted anew. */
  async #isStale(key: string): Promise<boolean> {
    return (await this.#options.isStale?.(storageKey(this.resource, key))) ?? false;
  }

  /** From the store itself: the cache may be a moment behind. */
  async #read(key: string): Promise<CachedObject | undefined> {
    const entry = await this.#options.store.get(storageKey(this.resource, key));
    if (entry === undefined) return undefined;
    const cached = this.cache.get(key);
    if (cached?.revision === entry.revision) return cached;
    return new CachedObject(key, entry.revision, entry.value, this.cache.layout);
  }

  #dryCreated(key: string, bytes: Uint8Array, object: KubeObject): CachedObject {
    if (this.cache.get(key) !== undefined) throw alreadyExists(this.groupResource, object.metadata.name);
    return CachedObject.unstored(key, bytes, this.cache.layout);
  }

  #manage(
    object: KubeObject,
    old: KubeObject | undefined,
    subresource: string,
    context: RequestContext,
  ): KubeObject {
    const { fieldManager, clock } = this.#options;
    if (fieldManager === undefined || context.fieldManager === "") return object;
    const { kind } = this;
    const nowMs = clock.now();
    return fieldManager.update({ kind, object, old, manager: context.fieldManager, subresource, nowMs });
  }

  async #finishing(
    begun: Begun,
    { dryRun }: RequestContext,
    store: (object: KubeObject) => Promise<CachedObject>,
  ): Promise<CachedObject> {
    try {
      const stored = await store(begun.object);
      await begun.finish(!dryRun);
      return stored;
    } catch (err) {
      await begun.finish(false);
      throw err;
    }
  }

  #attributes(
    operation: Operation,
    subject: Pick<Attributes, "namespace" | "name" | "subresource">,
    context: RequestContext,
    objects: AdmittedObjects,
  ): Attributes {
    return new WriteAttributes(this, operation, subject, context, objects);
  }
}

/** In upstream's words: names were generated as often as they may be, and all of them are taken. */
function notUnique(gr: GroupResource, name: string): StatusError {
  const { message, details } = alreadyExists(gr, name);
  const why = "the server was not able to generate a unique name for the object";
  return new StatusError("AlreadyExists", `${message}, ${why}`, {
    details: { ...details, retryAfterSeconds: 1 },
  });
}

function shownObjects(
  object: KubeObject,
  oldObject: KubeObject,
  view: AdmissionView | undefined,
): AdmittedObjects & { readonly object: KubeObject } {
  if (view === undefined) return { object, oldObject };
  return { object: view.of(object), oldObject: view.of(oldObject), objectKind: view.kind };
}

/** Writers of a subresource can only have changed its part, for which the rules of the whole do not all hold. */
function validateKindUpdate(
  kind: Kind,
  object: KubeObject,
  old: KubeObject,
  subresource: string,
): readonly StatusCause[] {
  if (subresource === "status") return kind.validateStatusUpdate?.(object, old) ?? [];
  const ofSubresource = kind.validateSubresource?.[subresource];
  if (ofSubresource !== undefined) return ofSubresource(object, old);
  const ofObject = kind.validate?.(object, old) ?? [];
  const isWhole = subresource === "" || subresource === "scale" || subresource === "approval";
  return isWhole ? [...ofObject, ...(kind.validateUpdate?.(object, old) ?? [])] : ofObject;
}

/**
 * Equal but for the resourceVersion, whatever the order of fields: nothing is written. What says nothing was left
 * out as the object was decoded; what is empty here has a meaning, as `podSelector: {}` has.
 */
function isSame(object: KubeObject, old: KubeObject): boolean {
  const { resourceVersion: _a, ...metadata } = object.metadata;
  const { resourceVersion: _b, ...oldMetadata } = old.metadata;
  return jsonEqual({ ...object, metadata }, { ...old, metadata: oldMetadata });
}

function markTerminating(object: KubeObject, nowMs: number): KubeObject {
  if (object.metadata.deletionTimestamp !== undefined) return object;
  return { ...object, metadata: { ...object.metadata, deletionTimestamp: formatTime(nowMs) } };
}
