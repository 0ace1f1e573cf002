/** Which tolerations say no more than others. Pure; upstream's `util/tolerations`. @module */
import { isDeepStrictEqual } from "node:util";
import type { Toleration } from "#api/core/v1/types.gen";

/** Whether each of them is covered; an empty whitelist allows all. */
export function isWithin(tolerations: readonly Toleration[], whitelist: readonly Toleration[]): boolean {
  if (whitelist.length === 0) return true;
  return tolerations.every((one) => whitelist.some((allowed) => isSuperset(allowed, one)));
}

/** Both lists, without what another one covers; of equal ones the first stays. */
export function mergeTolerations(
  first: readonly Toleration[],
  second: readonly Toleration[],
): readonly Toleration[] {
  const all = [...first, ...second];
  const merged: Toleration[] = [];
  for (const [i, one] of all.entries()) {
    if (merged.some((kept) => isSuperset(kept, one))) continue;
    const later = all.slice(i + 1);
    if (later.some((other) => !isDeepStrictEqual(one, other) && isSuperset(other, one))) continue;
    merged.push(one);
  }
  return merged;
}

function isSuperset(wide: Toleration, narrow: Toleration): boolean {
  if (isDeepStrictEqual(wide, narrow)) return true;
  const { key = "", operator = "", effect = "", value = "", tolerationSeconds } = wide;
  if ((narrow.key ?? "") !== key && (key !== "" || operator !== "Exists")) return false;
  if ((narrow.effect ?? "") !== effect && effect !== "") return false;
  if (effect === "NoExecute" && tolerationSeconds !== undefined) {
    if (narrow.tolerationSeconds === undefined || narrow.tolerationSeconds > tolerationSeconds) return false;
  }
  if (operator === "Exists") return true;
  if (operator !== "Equal" && operator !== "") return false;
  return narrow.operator === "Equal" && (narrow.value ?? "") === value;
}
