/** The decisions of the garbage collector about one object, without clock, graph or network. @module */
import type { KubeObject, OwnerReference } from "#apimachinery";
import type { DeleteOptions } from "#client";
import type { Node } from "./graph.ts";
import { FOREGROUND, ORPHAN } from "./graph.ts";

/** `waiting`: the owner exists, and is itself deleted in the foreground. */
export type OwnerState = "solid" | "dangling" | "waiting";

export type Action =
  | { readonly type: "none" }
  /** Forget these owners; others keep the object alive. */
  | { readonly type: "removeOwners"; readonly uids: readonly string[] }
  | {
      readonly type: "delete";
      readonly propagationPolicy: NonNullable<DeleteOptions["propagationPolicy"]>;
      /** First, stop blocking the owners: a dependent waits as well, and they could wait for each other for ever. */
      readonly unblock: boolean;
    };

/** What to do with an object whose owners are in these states. `latest` is the object as the API server has it now. */
export function plan(
  latest: KubeObject,
  states: ReadonlyMap<OwnerReference, OwnerState>,
  dependents: readonly Node[],
): Action {
  const inState = (state: OwnerState): readonly string[] =>
    [...states].filter(([, s]) => s === state).map(([{ uid }]) => uid);
  if (states.size === 0) return { type: "none" };
  const dispensable = [...inState("dangling"), ...inState("waiting")];
  if (inState("solid").length > 0) {
    return dispensable.length === 0 ? { type: "none" } : { type: "removeOwners", uids: dispensable };
  }
  if (inState("waiting").length > 0 && dependents.length > 0) {
    const unblock = dependents.some(({ isDeletingDependents }) => isDeletingDependents);
    return { type: "delete", propagationPolicy: "Foreground", unblock };
  }
  return { type: "delete", propagationPolicy: policyOf(latest), unblock: false };
}

/** An object that someone began to delete in one way goes on in that way. */
function policyOf({ metadata }: KubeObject): "Orphan" | "Foreground" | "Background" {
  if (metadata.finalizers?.includes(ORPHAN) === true) return "Orphan";
  return metadata.finalizers?.includes(FOREGROUND) === true ? "Foreground" : "Background";
}

/** Those for which an owner that is deleted in the foreground has to wait. */
export function blockingDependents(owner: Node, dependents: readonly Node[]): readonly Node[] {
  return dependents.filter(({ owners }) =>
    owners.some(({ uid, blockOwnerDeletion }) => uid === owner.uid && blockOwnerDeletion === true),
  );
}

export function withoutOwners(
  refs: readonly OwnerReference[],
  uids: readonly string[],
): readonly OwnerReference[] {
  return refs.filter(({ uid }) => !uids.includes(uid));
}

export function unblocked(refs: readonly OwnerReference[]): readonly OwnerReference[] {
  return refs.map((ref) => ({ ...ref, blockOwnerDeletion: false }));
}
