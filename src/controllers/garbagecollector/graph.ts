/**
 * Who owns whom, by uid, as the watches of all kinds tell it. Takes changes and answers with the uids to look at; it
 * knows no clock, no queue and no API.
 * @module
 */
import type { Kind, KubeObject, OwnerReference } from "#apimachinery";
import { apiVersionOf } from "#apimachinery";
import { groupOf } from "../controller-ref-manager.ts";

export const FOREGROUND = "foregroundDeletion";
export const ORPHAN = "orphan";

/** uids of deleted owners that are remembered, so that their dependents need not ask for them one by one. */
export const ABSENT_OWNERS_MAX = 500;

export interface Node {
  readonly uid: string;
  readonly kind: Kind;
  readonly name: string;
  /** "" for cluster-scoped objects. */
  readonly namespace: string;
  readonly owners: readonly OwnerReference[];
  readonly isBeingDeleted: boolean;
  /** Foreground deletion: waits until no dependent blocks it. */
  readonly isDeletingDependents: boolean;
  /** Waits until its dependents have forgotten it. */
  readonly isOrphaning: boolean;
}

export class Graph {
  readonly #nodes = new Map<string, Node>();
  /** Owner's uid -> those who name it, also while the owner itself was never seen. */
  readonly #dependents = new Map<string, Set<string>>();
  readonly #absent = new Set<string>();

  get(uid: string): Node | undefined {
    return this.#nodes.get(uid);
  }

  dependentsOf(uid: string): readonly Node[] {
    return [...(this.#dependents.get(uid) ?? [])].map((dependent) => this.#nodes.get(dependent)!);
  }

  /** Was seen, and its deletion too: uids never come back. */
  isAbsent(uid: string): boolean {
    return this.#absent.has(uid);
  }

  /** Takes in one change. Returns the uids whose situation may have changed by it. */
  observe(kind: Kind, object: KubeObject, change: "add" | "update" | "delete"): readonly string[] {
    return change === "delete" ? this.#remove(object) : this.#upsert(newNode(kind, object));
  }

  #upsert(node: Node): readonly string[] {
    const old = this.#nodes.get(node.uid);
    this.#nodes.set(node.uid, node);
    const { added, released } = this.#relink(node, old?.owners ?? []);
    const due = new Set<string>(released);
    // A new reference may name an owner that is gone, another object, or one that is waiting for its dependents.
    if (added.some((ref) => !this.#isSettled(node, ref))) due.add(node.uid);
    if (old === undefined) this.#addMismatched(node, due);
    if (node.isOrphaning) {
      if (old?.isOrphaning !== true) due.add(node.uid);
    } else if (node.isDeletingDependents && old?.isDeletingDependents !== true) {
      for (const dependent of this.#dependents.get(node.uid) ?? []) due.add(dependent);
      due.add(node.uid);
    }
    return [...due];
  }

  #remove(object: KubeObject): readonly string[] {
    const uid = object.metadata.uid ?? "";
    const node = this.#nodes.get(uid);
    if (node === undefined) return [];
    this.#nodes.delete(uid);
    for (const { uid: owner } of node.owners) this.#unlink(owner, uid);
    const dependents = [...(this.#dependents.get(uid) ?? [])];
    if (dependents.length > 0) this.#noteAbsent(uid);
    const waiting = node.owners
      .map((ref) => ref.uid)
      .filter((owner) => this.#nodes.get(owner)?.isDeletingDependents);
    return [...dependents, ...waiting];
  }

  /** Updates the links from owners. `released`: owners that this object no longer blocks. */
  #relink(
    node: Node,
    old: readonly OwnerReference[],
  ): { readonly added: OwnerReference[]; readonly released: string[] } {
    const before = new Map(old.map((ref) => [ref.uid, ref]));
    const after = new Map(node.owners.map((ref) => [ref.uid, ref]));
    const released: string[] = [];
    for (const [owner, ref] of before) {
      if (!after.has(owner)) this.#unlink(owner, node.uid);
      const isReleased = ref.blockOwnerDeletion === true && after.get(owner)?.blockOwnerDeletion !== true;
      if (isReleased && this.#nodes.has(owner)) released.push(owner);
    }
    for (const owner of after.keys()) this.#link(owner, node.uid);
    return { added: node.owners.filter(({ uid }) => !before.has(uid)), released };
  }

  /** The reference names what its uid belongs to, and that owner is not waiting for its dependents. */
  #isSettled(node: Node, ref: OwnerReference): boolean {
    const owner = this.#nodes.get(ref.uid);
    return owner !== undefined && matches(node, ref, owner) && !owner.isDeletingDependents;
  }

  /** Dependents that were here first and name this object by a wrong name, kind or namespace. */
  #addMismatched(owner: Node, due: Set<string>): void {
    for (const dependent of this.dependentsOf(owner.uid)) {
      const refs = dependent.owners.filter(({ uid }) => uid === owner.uid);
      if (refs.some((ref) => !matches(dependent, ref, owner))) due.add(dependent.uid);
    }
  }

  #link(owner: string, dependent: string): void {
    const dependents = this.#dependents.get(owner);
    if (dependents === undefined) this.#dependents.set(owner, new Set([dependent]));
    else dependents.add(dependent);
  }

  #unlink(owner: string, dependent: string): void {
    const dependents = this.#dependents.get(owner);
    dependents?.delete(dependent);
    if (dependents?.size === 0) this.#dependents.delete(owner);
  }

  #noteAbsent(uid: string): void {
    this.#absent.add(uid);
    if (this.#absent.size > ABSENT_OWNERS_MAX) this.#absent.delete(this.#absent.values().next().value!);
  }
}

/** Same kind and name, and in the dependent's namespace unless the owner has none. */
export function matches(dependent: Node, ref: OwnerReference, owner: Node): boolean {
  return (
    ref.kind === owner.kind.kind &&
    groupOf(ref.apiVersion) === owner.kind.group &&
    ref.name === owner.name &&
    (owner.namespace === "" || owner.namespace === dependent.namespace)
  );
}

function newNode(kind: Kind, { metadata }: KubeObject): Node {
  const isBeingDeleted = metadata.deletionTimestamp !== undefined;
  const finalizers = metadata.finalizers ?? [];
  return {
    uid: metadata.uid ?? "",
    kind,
    name: metadata.name,
    namespace: metadata.namespace ?? "",
    owners: metadata.ownerReferences ?? [],
    isBeingDeleted,
    isDeletingDependents: isBeingDeleted && finalizers.includes(FOREGROUND),
    isOrphaning: isBeingDeleted && finalizers.includes(ORPHAN),
  };
}

/** How events name an object, as upstream prints it. */
export function describeRef(ref: OwnerReference, namespace: string): string {
  return `[${ref.apiVersion}/${ref.kind}, namespace: ${namespace}, name: ${ref.name}, uid: ${ref.uid}]`;
}

export function apiVersionOfNode(node: Node): string {
  return apiVersionOf(node.kind);
}
