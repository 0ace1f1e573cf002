/** Keeps the rules of aggregated ClusterRoles: those of all roles that they select. @module */
import type { Kind } from "#apimachinery";
import { keyOf } from "#apimachinery";
import { ClusterRoles } from "#api/rbac/v1/clusterrole";
import type { Controller, ControllerContext } from "#controller-runtime";
import { source } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";
import { planRules } from "./plan.ts";

/** Safe on a stale cache: rules are a function of the other roles, and are written with the resourceVersion read. */
export function clusterRoleAggregationController({ client, informers }: ControllerContext): Controller {
  const roles = informers.lister(ClusterRoles);
  return {
    name: "clusterrole-aggregation-controller",
    reconciles: ClusterRoles as unknown as Kind,
    watches: [
      source(ClusterRoles, () =>
        roles
          .list()
          .filter(({ aggregationRule }) => aggregationRule !== undefined)
          .map(keyOf),
      ),
    ],
    async reconcile(key, signal) {
      const role = roles.get(key);
      const rules = role && planRules(role, roles.list());
      if (role === undefined || rules === undefined) return {};
      await unlessGone(client.update(ClusterRoles, { ...role, rules }, signal));
      return {};
    },
  };
}
