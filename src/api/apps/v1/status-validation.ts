/** Counts in the status of workloads. @module */
import { field } from "#apimachinery";
import { NONE, nonNegative, type Causes } from "../../validation/common.ts";

/** No count is negative, none of `parts` exceeds `replicas`, and what is available is ready. */
export function validateReplicaCounts(
  status: object,
  counts: readonly string[],
  parts: readonly string[],
  readyName: string,
): Causes {
  const count = (name: string): number => {
    const value = (status as Readonly<Record<string, unknown>>)[name];
    return typeof value === "number" ? value : 0;
  };
  const [available, ready] = [count("availableReplicas"), count("readyReplicas")];
  return [
    ...nonNegativeCounts(status, counts),
    ...parts
      .filter((name) => count(name) > count("replicas"))
      .map((name) => field.invalid(statusPath(name), count(name), "cannot be greater than status.replicas")),
    ...(available > ready
      ? [field.invalid(statusPath("availableReplicas"), available, `cannot be greater than ${readyName}`)]
      : NONE),
  ];
}

export function nonNegativeCounts(status: object, counts: readonly string[]): Causes {
  const values = status as Readonly<Record<string, number | undefined>>;
  return counts.flatMap((name) => nonNegative(values[name], statusPath(name)));
}

const statusPath = (name: string): string => field.child("status", name);

/** The count of name collisions only grows. */
export function collisionCountGrows(now: number | undefined, old: number | undefined): Causes {
  if (old === undefined || (now !== undefined && now >= old)) return NONE;
  return [field.invalid("status.collisionCount", now ?? 0, "cannot be decremented")];
}
