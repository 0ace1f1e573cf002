/** Nobody hands out permissions that they do not have; upstream's `ConfirmNoEscalation`. Pure. @module */
import { compareStrings } from "#apimachinery";
import type { PolicyRule } from "#api/rbac/v1/types.gen";
import { quoted } from "../../quoted.ts";
import type { UserInfo } from "../../user-info.ts";
import { uncovered } from "./rules.ts";

/** Why the user may not grant these rules; undefined: they may. */
export function escalationRefusal(
  user: UserInfo,
  owned: readonly PolicyRule[],
  granted: readonly PolicyRule[],
): string | undefined {
  const missing = compactRules(uncovered(owned, granted));
  if (missing.length === 0) return undefined;
  const lines = [...new Set(missing.map(formatRule))].toSorted(compareStrings);
  const who = `user ${JSON.stringify(user.name)} (groups=${quoted(user.groups)})`;
  return `${who} is attempting to grant RBAC permissions not currently held:\n${lines.join("\n")}`;
}

/** Rules about one resource in one group, with all their verbs in one. */
function compactRules(rules: readonly PolicyRule[]): readonly PolicyRule[] {
  const simple = new Map<string, PolicyRule>();
  const others: PolicyRule[] = [];
  for (const rule of rules) {
    const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [], verbs } = rule;
    const isSimple =
      apiGroups.length === 1 &&
      resources.length === 1 &&
      resourceNames.length <= 1 &&
      nonResourceURLs.length === 0;
    if (!isSimple) {
      others.push(rule);
      continue;
    }
    const key = [apiGroups[0], resources[0], ...resourceNames].join("\n");
    const known = simple.get(key);
    simple.set(key, { ...rule, verbs: [...(known?.verbs ?? []), ...verbs] });
  }
  return [...others, ...simple.values()];
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`. */
function formatRule({ apiGroups, resources, nonResourceURLs, resourceNames, verbs }: PolicyRule): string {
  const parts = [
    ["APIGroups", apiGroups],
    ["Resources", resources],
    ["NonResourceURLs", nonResourceURLs],
    ["ResourceNames", resourceNames],
    ["Verbs", verbs],
  ] as const;
  const shown = parts.flatMap(([name, list = []]) => (list.length > 0 ? [`${name}:${quoted(list)}`] : []));
  return `{${shown.join(", ")}}`;
}
