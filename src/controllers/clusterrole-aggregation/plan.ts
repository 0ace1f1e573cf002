/** The rules of an aggregated ClusterRole. @module */
import type { ClusterRole, PolicyRule } from "#api/rbac/v1/types.gen";
import { selectorPredicate } from "../selector.ts";
import { canonicalJSON, equalJSON } from "../template-hash.ts";

/** The rules of the roles that are selected, in order of their names, each once; undefined: the role has them already. */
export function planRules(
  role: ClusterRole,
  roles: readonly ClusterRole[],
): readonly PolicyRule[] | undefined {
  if (role.aggregationRule === undefined) return undefined;
  const rules = new Map<string, PolicyRule>();
  for (const selector of role.aggregationRule.clusterRoleSelectors ?? []) {
    const matches = selectorPredicate(selector);
    const selected = roles.filter(
      ({ metadata }) => metadata.name !== role.metadata.name && matches(metadata.labels),
    );
    for (const other of selected.toSorted(byName))
      for (const rule of other.rules ?? []) {
        const key = canonicalJSON(rule);
        if (!rules.has(key)) rules.set(key, rule);
      }
  }
  const wanted = [...rules.values()];
  return equalJSON(wanted, role.rules ?? []) ? undefined : wanted;
}

function byName(a: ClusterRole, b: ClusterRole): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
