/** Counts in the status of workloads. @module */
import { field } from "#apimachinery";
import { NONE, nonNegative, type Causes } from "../../validation/common.ts";

/** No count is negative, none of `parts` exceeds `replicas`, and what is available is ready. */
export function validateReplicaCounts(status: object, parts: readonly string[], readyName: string): Causes {
  const counts = status as Readonly<Record<string, unknown>>;
  const count = (name: string): number => (typeof counts[name] === "number" ? counts[name] : 0);
  const [available, ready] = [count("availableReplicas"), count("readyReplicas")];
  return [
    ...Object.entries(counts).flatMap(([name, value]) =>
      typeof value === "number" ? nonNegative(value, statusPath(name)) : NONE,
    ),
    ...parts
      .filter((name) => count(name) > count("replicas"))
      .map((name) => field.invalid(statusPath(name), count(name), "cannot be greater than status.replicas")),
    ...(available > ready
      ? [field.invalid(statusPath("availableReplicas"), available, `cannot be greater than ${readyName}`)]
      : NONE),
  ];
}

const statusPath = (name: string): string => field.child("status", name);

/** The count of name collisions only grows. */
export function collisionCountGrows(now: number | undefined, old: number | undefined): Causes {
  if (old === undefined || (now ?? -1) >= old) return NONE;
  return [field.invalid("status.collisionCount", now ?? 0, "cannot be decremented")];
}
