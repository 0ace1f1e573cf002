/**
 * Sets of fields in the form in which they stand in `managedFields` (FieldsV1): an object whose keys are path elements.
 * An empty object is a member; a member with members below it also has the key "."; without "." only what is below
 * belongs to the set. Sets are never changed: operations return new ones and share what is equal.
 * @module
 */
import type { JsonObject, MutableJsonObject } from "../json.ts";
import { compareStrings } from "../text.ts";

/** The object itself never belongs to a set, so the top has no ".". */
export type FieldSet = JsonObject;
/** Path elements: `f:spec`, `k:{"name":"a"}`, `v:"a"`. */
export type FieldPath = readonly string[];

export const EMPTY_SET: FieldSet = {};
const SELF = ".";
const NOTHING: JsonObject = {};

export function isEmptySet(set: FieldSet): boolean {
  for (const key in set) if (key !== SELF) return false;
  return true;
}

/** Builds a set from paths; the parents of a path are not members. */
export function setOf(...paths: readonly FieldPath[]): FieldSet {
  const builder = new SetBuilder();
  for (const path of paths) builder.insert(path);
  return builder.set;
}

interface BuilderNode {
  isSelf: boolean;
  readonly children: Map<string, BuilderNode>;
}

/** Collects paths. */
export class SetBuilder {
  readonly #root: BuilderNode = { isSelf: false, children: new Map() };

  insert(path: FieldPath): void {
    let node = this.#root;
    for (const element of path) {
      let next = node.children.get(element);
      if (next === undefined) node.children.set(element, (next = { isSelf: false, children: new Map() }));
      node = next;
    }
    node.isSelf = true;
  }

  get set(): FieldSet {
    return built(this.#root);
  }
}

function built(node: BuilderNode): FieldSet {
  const children: MutableJsonObject = {};
  for (const [element, child] of node.children)
    children[element] = nodeOf(child.isSelf, built(child)) ?? NOTHING;
  return children;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmptySet(b)) return a;
  if (isEmptySet(a)) return b;
  const out: MutableJsonObject = { ...a };
  for (const [element, node] of elements(b)) {
    const other = a[element] as FieldSet | undefined;
    out[element] = other === undefined ? node : unionNode(other, node);
  }
  return out;
}

/** What is in `a` and not in `b`; a member of `b` does not take those below it along. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return subtract(a, b, (node, other) => {
    return nodeOf(isMember(node) && !isMember(other), difference(childrenOf(node), childrenOf(other)));
  });
}

/** What is in `a` and neither in `b` nor below a member of `b`. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  return subtract(a, b, (node, other) => {
    if (isMember(other)) return undefined;
    return nodeOf(isMember(node), recursiveDifference(childrenOf(node), childrenOf(other)));
  });
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const out: MutableJsonObject = {};
  for (const [element, node] of elements(a)) {
    const other = b[element] as FieldSet | undefined;
    if (other === undefined) continue;
    const both = nodeOf(isMember(node) && isMember(other), intersection(childrenOf(node), childrenOf(other)));
    if (both !== undefined) out[element] = both;
  }
  return out;
}

export function hasPath(set: FieldSet, path: FieldPath): boolean {
  let node: FieldSet | undefined = set;
  for (const element of path) {
    node = node[element] as FieldSet | undefined;
    if (node === undefined) return false;
  }
  return path.length > 0 && isMember(node);
}

/** Whether `element` itself is in the set. */
export function hasElement(set: FieldSet, element: string): boolean {
  const node = set[element] as FieldSet | undefined;
  return node !== undefined && isMember(node);
}

/** The part of the set below `element`. */
export function withPrefix(set: FieldSet, element: string): FieldSet {
  const node = set[element] as FieldSet | undefined;
  return node === undefined ? EMPTY_SET : childrenOf(node);
}

/** All paths, members of a level before those below it, in FieldsV1's order. */
export function pathsOf(set: FieldSet, prefix: FieldPath = []): readonly FieldPath[] {
  const sorted = [...elements(set)].toSorted(byElement);
  return [
    ...sorted.filter(([, node]) => isMember(node)).map(([element]) => [...prefix, element]),
    ...sorted.flatMap(([element, node]) => pathsOf(childrenOf(node), [...prefix, element])),
  ];
}

/** The same set with its keys in the order upstream writes them. */
export function sortSet(set: FieldSet): FieldSet {
  const out: MutableJsonObject = {};
  if (Object.hasOwn(set, SELF)) out[SELF] = NOTHING;
  for (const [element, node] of [...elements(set)].toSorted(byElement)) out[element] = sortedNode(node);
  return out;
}

/** By far the most have nothing below them: all of those are one object. */
function sortedNode(node: FieldSet): FieldSet {
  for (const _ in node) return sortSet(node);
  return NOTHING;
}

/** Puts a node together; undefined when nothing of it belongs to the set. */
export function nodeOf(isSelf: boolean, children: FieldSet): FieldSet | undefined {
  if (isEmptySet(children)) return isSelf ? NOTHING : undefined;
  return isSelf ? { [SELF]: NOTHING, ...children } : children;
}

export function isMember(node: FieldSet): boolean {
  return Object.hasOwn(node, SELF) || isEmptySet(node);
}

export function childrenOf(node: FieldSet): FieldSet {
  if (!Object.hasOwn(node, SELF)) return node;
  const { [SELF]: _self, ...children } = node;
  return children;
}

export function* elements(set: FieldSet): Generator<readonly [string, FieldSet]> {
  for (const key of Object.keys(set)) if (key !== SELF) yield [key, set[key] as FieldSet];
}

function unionNode(a: FieldSet, b: FieldSet): FieldSet {
  return nodeOf(isMember(a) || isMember(b), union(childrenOf(a), childrenOf(b))) ?? NOTHING;
}

function subtract(
  a: FieldSet,
  b: FieldSet,
  subtractNode: (node: FieldSet, other: FieldSet) => FieldSet | undefined,
): FieldSet {
  let out: MutableJsonObject | undefined;
  for (const [element, other] of elements(b)) {
    const node = a[element] as FieldSet | undefined;
    if (node === undefined) continue;
    const rest = subtractNode(node, other);
    if (rest === node) continue;
    out ??= { ...a };
    if (rest === undefined) delete out[element];
    else out[element] = rest;
  }
  return out ?? a;
}

const KINDS = "fkvi";

function byElement([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return KINDS.indexOf(a[0]!) - KINDS.indexOf(b[0]!) || compareStrings(a, b);
}
