/** Taints and tolerations as controllers compare them. @module */
import type { Taint, Toleration } from "#api/core/v1/types.gen";

export type TaintLike = Pick<Taint, "key" | "effect"> & Partial<Taint>;

/** Key and effect identify a taint; a node has each pair at most once. */
export function isSameTaint(a: TaintLike, b: TaintLike): boolean {
  return a.key === b.key && a.effect === b.effect;
}

export function hasTaint(taints: readonly Taint[] | undefined, taint: TaintLike): boolean {
  return (taints ?? []).some((other) => isSameTaint(other, taint));
}

/** An empty key with Exists tolerates every taint, an empty effect every effect. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { key = "", effect = "", operator = "Equal", value = "" } = toleration;
  if (effect !== "" && effect !== taint.effect) return false;
  if (key !== "" && key !== taint.key) return false;
  return operator === "Exists" || (operator === "Equal" && key !== "" && value === (taint.value ?? ""));
}
