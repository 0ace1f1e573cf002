/** Taints as controllers compare them. @module */
import type { Taint } from "#api/core/v1/types.gen";

export type TaintLike = Pick<Taint, "key" | "effect"> & Partial<Taint>;

/** Key and effect identify a taint; a node has each pair at most once. */
export function isSameTaint(a: TaintLike, b: TaintLike): boolean {
  return a.key === b.key && a.effect === b.effect;
}

export function hasTaint(taints: readonly Taint[] | undefined, taint: TaintLike): boolean {
  return (taints ?? []).some((other) => isSameTaint(other, taint));
}
