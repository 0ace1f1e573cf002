/** Who need not keep to Pod Security, and what a namespace is told that asks for it in vain. Pure. @module */
import type { Exemptions } from "./configuration.ts";
import { formatLevel, isFullyPrivileged, isSameLevel, type Policy } from "./policy.ts";

export const NOBODY: Exemptions = { usernames: [], runtimeClasses: [], namespaces: [] };

export type ExemptionReason = "namespace" | "user" | "runtimeClass";

export function exemptionOf(
  { namespaces, usernames }: Exemptions,
  namespace: string,
  username: string,
): ExemptionReason | undefined {
  if (namespaces.includes(namespace)) return "namespace";
  return usernames.includes(username) ? "user" : undefined;
}

const MODES = ["enforce", "audit", "warn"] as const;
const PREFIX = "pod-security.kubernetes.io/";

/** undefined when the labels ask for nothing beyond the defaults. */
export function exemptNamespaceWarning(
  namespace: string,
  policy: Policy,
  labels: Readonly<Record<string, string>> = {},
  defaults: Policy,
): string | undefined {
  if (isFullyPrivileged(policy) || MODES.every((mode) => isEquivalent(policy[mode], defaults[mode]))) {
    return undefined;
  }
  const shown = MODES.filter(
    (mode) =>
      policy[mode].level !== "privileged" &&
      (labels[PREFIX + mode] !== undefined || labels[`${PREFIX}${mode}-version`] !== undefined),
  );
  const asked = shown.map((mode) => `${mode}=${formatLevel(policy[mode])}`).join(", ");
  return `namespace ${JSON.stringify(namespace)} is exempt from Pod Security, and the policy (${asked}) will be ignored`;
}

function isEquivalent(a: Policy["enforce"], b: Policy["enforce"]): boolean {
  return (a.level === "privileged" && b.level === "privileged") || isSameLevel(a, b);
}
