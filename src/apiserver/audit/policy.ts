/** Which audit level a request has: the first rule of the policy that matches it. Pure; upstream's `policyRuleEvaluator`. @module */
import type { AuthorizationAttributes } from "../user-info.ts";
import type { AuditGroupResources, AuditLevel, AuditPolicy, AuditPolicyRule, AuditStage } from "./types.ts";

/** What the policy says of one request. */
export interface AuditConfig {
  readonly level: AuditLevel;
  readonly omitStages: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

export type PolicyEvaluator = (attributes: AuthorizationAttributes) => AuditConfig;

export function policyEvaluator(policy: AuditPolicy): PolicyEvaluator {
  const common = policy.omitStages ?? [];
  const omitByDefault = policy.omitManagedFields ?? false;
  const rules = policy.rules.map((rule) => ({
    rule,
    config: {
      level: rule.level,
      omitStages: new Set([...common, ...(rule.omitStages ?? [])]),
      omitManagedFields: rule.omitManagedFields ?? omitByDefault,
    },
  }));
  const otherwise: AuditConfig = {
    level: "None",
    omitStages: new Set(common),
    omitManagedFields: omitByDefault,
  };
  return (attributes) => rules.find(({ rule }) => ruleMatches(rule, attributes))?.config ?? otherwise;
}

function ruleMatches(rule: AuditPolicyRule, attributes: AuthorizationAttributes): boolean {
  const { user, verb } = attributes;
  if (!isListed(rule.users, user.name) || !isListed(rule.verbs, verb)) return false;
  const { userGroups = [], namespaces = [], resources = [], nonResourceURLs = [] } = rule;
  if (userGroups.length > 0 && !user.groups.some((group) => userGroups.includes(group))) return false;
  if (namespaces.length > 0 || resources.length > 0) {
    if (!attributes.isResourceRequest || !isListed(namespaces, attributes.namespace)) return false;
    return resources.length === 0 || resources.some((entry) => resourceMatches(entry, attributes));
  }
  if (nonResourceURLs.length === 0) return true;
  return !attributes.isResourceRequest && nonResourceURLs.some((url) => pathMatches(url, attributes.path));
}

/** No list is every value. */
function isListed(list: readonly string[] = [], value: string): boolean {
  return list.length === 0 || list.includes(value);
}

function resourceMatches(
  { group = "", resources = [], resourceNames = [] }: AuditGroupResources,
  attributes: AuthorizationAttributes,
): boolean {
  if (group !== "*" && group !== attributes.group) return false;
  if (resources.length === 0) return true;
  if (!isListed(resourceNames, attributes.name)) return false;
  const { resource, subresource } = attributes;
  const full = subresource === "" ? resource : `${resource}/${subresource}`;
  return resources.some(
    (entry) =>
      entry === "*" ||
      entry === full ||
      entry === `${resource}/*` ||
      (subresource !== "" && entry === `*/${subresource}`),
  );
}

function pathMatches(pattern: string, path: string): boolean {
  if (pattern === "*" || pattern === path) return true;
  return pattern.endsWith("*") && path.startsWith(pattern.replace(/\*+$/, ""));
}
