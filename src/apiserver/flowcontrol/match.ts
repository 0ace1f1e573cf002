/** Whether a FlowSchema is for a request. @module */
import type {
  FlowSchema,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from "#api/flowcontrol/v1/types.gen";
import type { RequestInfo } from "../http/request-info.ts";
import type { UserInfo } from "../user-info.ts";

const ACCOUNT_PREFIX = "system:serviceaccount:";

export function matchesFlowSchema({ spec }: FlowSchema, user: UserInfo, info: RequestInfo): boolean {
  return (spec?.rules ?? []).some((rule) => matchesRule(rule, user, info));
}

function matchesRule(rule: PolicyRulesWithSubjects, user: UserInfo, info: RequestInfo): boolean {
  if (!rule.subjects.some((subject) => matchesSubject(subject, user))) return false;
  return info.isResourceRequest
    ? (rule.resourceRules ?? []).some((resource) => matchesResource(resource, info))
    : (rule.nonResourceRules ?? []).some((urls) => matchesUrl(urls, info));
}

function matchesSubject(subject: Subject, { name, groups }: UserInfo): boolean {
  const { user, group, serviceAccount } = subject;
  if (subject.kind === "User") return user !== undefined && (user.name === "*" || user.name === name);
  if (subject.kind === "Group") {
    return group !== undefined && (group.name === "*" || groups.includes(group.name));
  }
  if (subject.kind !== "ServiceAccount" || serviceAccount === undefined) return false;
  const prefix = `${ACCOUNT_PREFIX}${serviceAccount.namespace}:`;
  return serviceAccount.name === "*" ? name.startsWith(prefix) : name === prefix + serviceAccount.name;
}

function matchesResource(rule: ResourcePolicyRule, info: RequestInfo): boolean {
  const { verb, group, resource, subresource, namespace } = info;
  if (!includes(rule.verbs, verb) || !includes(rule.apiGroups, group)) return false;
  if (!includes(rule.resources, subresource === "" ? resource : `${resource}/${subresource}`)) return false;
  return namespace === "" ? rule.clusterScope === true : includes(rule.namespaces ?? [], namespace);
}

function matchesUrl(rule: NonResourcePolicyRule, { verb, path }: RequestInfo): boolean {
  return includes(rule.verbs, verb) && rule.nonResourceURLs.some((url) => coversPath(url, path));
}

/** A path covers what is below it, with or without its asterisk. */
function coversPath(url: string, path: string): boolean {
  if (url === "*" || url === path) return true;
  const prefix = url.endsWith("*") ? url.slice(0, -1) : url;
  return path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`);
}

/** An asterisk stands alone in its list, else it is a value like any other. */
function includes(list: readonly string[], value: string): boolean {
  return (list.length === 1 && list[0] === "*") || list.includes(value);
}
