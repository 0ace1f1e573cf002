/** Which objects belong to a controller: adoption of matching orphans, release of those that match no longer. @module */
import type { GroupVersionKind, Kind, KubeObject, ObjectKey, OwnerReference } from "#apimachinery";
import { apiVersionOf, controllerOf, isNotFound, isInvalid, keyOf } from "#apimachinery";
import type { LabelSelector } from "#api/meta/v1/types.gen";
import type { Client, Lister } from "#client";
import { forEachParallel } from "./batch.ts";
import { selectorPredicate } from "./selector.ts";

export interface Claims<T> {
  /** Owned and matching. */
  readonly owned: readonly T[];
  /** Matching and without a controller. */
  readonly adopt: readonly T[];
  /** Owned and not matching any more. */
  readonly release: readonly T[];
}

/** Upstream's ClaimObject: a deleted owner claims nothing new, and an object that is being deleted is not adopted. */
export function planClaims<T extends KubeObject>(
  owner: KubeObject,
  candidates: readonly T[],
  matches: (object: T) => boolean,
): Claims<T> {
  const owned: T[] = [];
  const adopt: T[] = [];
  const release: T[] = [];
  const ownerIsDeleted = owner.metadata.deletionTimestamp !== undefined;
  for (const object of candidates) {
    if (object.metadata.namespace !== owner.metadata.namespace) continue;
    const controller = controllerOf(object);
    if (controller === undefined) {
      const wanted = !ownerIsDeleted && object.metadata.deletionTimestamp === undefined && matches(object);
      if (wanted) adopt.push(object);
    } else if (controller.uid === owner.metadata.uid) {
      if (matches(object)) owned.push(object);
      else if (!ownerIsDeleted) release.push(object);
    }
  }
  return { owned, adopt, release };
}

/** An orphan concerns every owner of its namespace that would adopt it. */
export function adoptersOf<T extends SelectingOwner>(
  owners: Lister<T>,
  orphan: KubeObject,
): readonly ObjectKey[] {
  const { namespace, labels, deletionTimestamp } = orphan.metadata;
  if (controllerOf(orphan) !== undefined || deletionTimestamp !== undefined) return [];
  return owners
    .list(namespace)
    .filter(({ spec }) => selectorPredicate(spec?.selector)(labels))
    .map(keyOf);
}

/** An object that says by labels what is its own. */
interface SelectingOwner extends KubeObject {
  readonly spec?: { readonly selector?: LabelSelector };
}

/** The reference that makes `owner` the controller of an object. */
export function newControllerRef(owner: KubeObject, kind: GroupVersionKind): OwnerReference {
  return {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid!,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/**
 * Carries out `claims`. Returns what the owner has afterwards. Patches name the uid and the resourceVersion they were
 * decided on, so a stale decision fails with a conflict and is made again. What is adopted gets `finalizer`; what is
 * released loses it in the same write.
 */
export async function claim<O extends KubeObject, T extends KubeObject>(
  client: Client,
  ownerKind: Kind<O>,
  owner: O,
  kind: Kind<T>,
  claims: Claims<T>,
  signal: AbortSignal,
  finalizer?: string,
): Promise<readonly T[]> {
  const { owned, adopt, release } = claims;
  if (adopt.length === 0 && release.length === 0) return owned;
  const adopted: T[] = [];
  if (adopt.length > 0) await verifyAlive(client, ownerKind, owner, signal);
  const ref = newControllerRef(owner, ownerKind);
  await forEachParallel(adopt, async (object) => {
    const ownerReferences = [...(object.metadata.ownerReferences ?? []), ref];
    const before = withoutFinalizer(object, finalizer);
    const finalizers = finalizer === undefined ? undefined : [...before, finalizer];
    const patched = await patchMetadata(client, kind, object, { ownerReferences, finalizers }, signal);
    if (patched !== undefined) adopted.push(patched);
  });
  await forEachParallel(release, async (object) => {
    const refs = object.metadata.ownerReferences ?? [];
    const ownerReferences = refs.filter(({ uid }) => uid !== owner.metadata.uid);
    const finalizers = finalizer === undefined ? undefined : withoutFinalizer(object, finalizer);
    await patchMetadata(client, kind, object, { ownerReferences, finalizers }, signal);
  });
  return [...owned, ...adopted];
}

/** The cache may be old: an owner that was deleted or replaced must not adopt. */
async function verifyAlive<O extends KubeObject>(
  client: Client,
  kind: Kind<O>,
  owner: O,
  signal: AbortSignal,
): Promise<void> {
  const fresh = await client.get(kind, owner.metadata, signal);
  if (fresh.metadata.uid !== owner.metadata.uid) {
    throw new Error(
      `original ${kind.kind} ${keyOf(owner)} is gone: got uid ${fresh.metadata.uid}, wanted ${owner.metadata.uid}`,
    );
  }
  if (fresh.metadata.deletionTimestamp !== undefined) {
    throw new Error(`${keyOf(owner)} has just been deleted at ${fresh.metadata.deletionTimestamp}`);
  }
}

function withoutFinalizer({ metadata }: KubeObject, finalizer: string | undefined): readonly string[] {
  return (metadata.finalizers ?? []).filter((name) => name !== finalizer);
}

interface Ownership {
  readonly ownerReferences: readonly OwnerReference[];
  /** Undefined: they stay as they are. */
  readonly finalizers: readonly string[] | undefined;
}

/** Undefined when the object is gone, or was replaced by one of the same name: nothing is left to claim. */
async function patchMetadata<T extends KubeObject>(
  client: Client,
  kind: Kind<T>,
  object: T,
  { ownerReferences, finalizers }: Ownership,
  signal: AbortSignal,
): Promise<T | undefined> {
  const { uid, resourceVersion } = object.metadata;
  const changes = { ownerReferences, ...(finalizers !== undefined && { finalizers }) };
  const body = { metadata: { uid, resourceVersion, ...changes } };
  try {
    return await client.patch(kind, object.metadata, { type: "merge", body }, signal);
  } catch (err) {
    if (isNotFound(err) || isInvalid(err)) return undefined;
    throw err;
  }
}

/** The key of the object's controller, if it is of `kind`; as a list, for chaining. */
export function controllerKeys(kind: Pick<Kind, "group" | "kind">, object: KubeObject): readonly ObjectKey[] {
  const ref = controllerOf(object);
  if (ref === undefined || ref.kind !== kind.kind || groupOf(ref.apiVersion) !== kind.group) return [];
  const { namespace } = object.metadata;
  return [namespace === undefined ? ref.name : `${namespace}/${ref.name}`];
}

/** Owner references survive a change of version: the group decides. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}
