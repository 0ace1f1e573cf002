/** Which objects a list or watch is about. @module */
import type { KubeObject } from "#apimachinery";
import type { CachedObject } from "./cached-object.ts";

export interface Selection {
  /** Prefix of the keys: `namespace/`, or "" for all. */
  readonly prefix: string;
  /** Exactly this object (`fieldSelector=metadata.name=x`, or a watch of one name). */
  readonly key?: string;
  /** The value an index of the resource is asked for (`spec.nodeName` of pods). */
  readonly indexed?: string;
  /** What key and index do not answer; absent: everything. */
  readonly matches?: (object: CachedObject) => boolean;
  /** What is left to whoever converts the objects: fields of a version that a webhook makes. */
  readonly matchesShown?: (object: KubeObject) => boolean;
}

export const EVERYTHING: Selection = { prefix: "" };

export function isSelected(selection: Selection, object: CachedObject): boolean {
  if (selection.key !== undefined && selection.key !== object.key) return false;
  if (selection.prefix !== "" && !object.key.startsWith(selection.prefix)) return false;
  return selection.matches === undefined || selection.matches(object);
}
