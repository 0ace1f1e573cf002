/** When a PolicyRule allows a request, and when rules cover others. Pure. @module */
import type { PolicyRule } from "#api/rbac/v1/types.gen";
import type { AuthorizationAttributes } from "../../user-info.ts";

const ALL = "*";

export function ruleAllows(rule: PolicyRule, attributes: AuthorizationAttributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false;
  if (!attributes.isResourceRequest)
    return (rule.nonResourceURLs ?? []).some((url) => urlCovers(url, attributes.path));
  const { group, resource, subresource, name } = attributes;
  return (
    has(rule.apiGroups, group) &&
    (rule.resources ?? []).some((pattern) => resourceCovers(pattern, resource, subresource)) &&
    nameAllowed(rule.resourceNames, name)
  );
}

/**
 * The parts of `asked` that `owned` does not allow: what somebody would hand out without having it. Every part names one
 * verb on one resource, so that several rules together may cover a wider one.
 */
export function uncovered(owned: readonly PolicyRule[], asked: readonly PolicyRule[]): PolicyRule[] {
  return asked.flatMap(breakDown).filter((part) => !owned.some((rule) => covers(rule, part)));
}

function has(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes(ALL) || list.includes(value));
}

function nameAllowed(names: readonly string[] | undefined, name: string): boolean {
  return names === undefined || names.length === 0 || names.includes(name);
}

/** `pods`, `pods/log`, `*` (with every subresource) and `x/scale` with a star for x (of every resource). */
function resourceCovers(pattern: string, resource: string, subresource: string): boolean {
  if (pattern === ALL) return true;
  if (subresource === "") return pattern === resource;
  return pattern === `${resource}/${subresource}` || pattern === `*/${subresource}`;
}

function urlCovers(pattern: string, path: string): boolean {
  return pattern === path || (pattern.endsWith(ALL) && path.startsWith(pattern.slice(0, -1)));
}

function breakDown(rule: PolicyRule): PolicyRule[] {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const names = resourceNames.length === 0 ? [[]] : resourceNames.map((name) => [name]);
  return verbs.flatMap((verb) => [
    ...nonResourceURLs.map((url) => ({ verbs: [verb], nonResourceURLs: [url] })),
    ...apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        names.map((name) => ({
          verbs: [verb],
          apiGroups: [group],
          resources: [resource],
          ...(name.length > 0 && { resourceNames: name }),
        })),
      ),
    ),
  ]);
}

function covers(rule: PolicyRule, part: PolicyRule): boolean {
  if (!has(rule.verbs, part.verbs[0]!)) return false;
  const url = part.nonResourceURLs?.[0];
  if (url !== undefined) return (rule.nonResourceURLs ?? []).some((pattern) => urlCovers(pattern, url));
  const [resource = "", subresource = ""] = part.resources![0]!.split("/");
  return (
    has(rule.apiGroups, part.apiGroups![0]!) &&
    (rule.resources ?? []).some((pattern) => resourceCovers(pattern, resource, subresource)) &&
    (rule.resourceNames === undefined ||
      rule.resourceNames.length === 0 ||
      (part.resourceNames !== undefined && rule.resourceNames.includes(part.resourceNames[0]!)))
  );
}
