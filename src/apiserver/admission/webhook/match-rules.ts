/** Whether the rules of a webhook cover a request; upstream's `rules.Matcher`. Pure. @module */
import type { RuleWithOperations } from "#api/admissionregistration/v1/types.gen";
import type { Attributes } from "../plugin.ts";

export interface RequestedResource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

const ALL = "*";

export function ruleMatches(
  rule: RuleWithOperations,
  { group, version, plural }: RequestedResource,
  attributes: Pick<Attributes, "operation" | "subresource" | "namespace" | "resource">,
): boolean {
  return (
    has(rule.operations, attributes.operation) &&
    has(rule.apiGroups, group) &&
    has(rule.apiVersions, version) &&
    isInScope(rule.scope ?? ALL, attributes) &&
    (rule.resources ?? []).some((pattern) => resourceMatches(pattern, plural, attributes.subresource))
  );
}

function has(list: readonly string[] = [], value: string): boolean {
  return list.includes(ALL) || list.includes(value);
}

/** `pods`, `pods/status`, and stars on both sides; a pattern without a slash means no subresource. */
function resourceMatches(pattern: string, plural: string, subresource: string): boolean {
  const [resource = "", sub = ""] = pattern.split("/", 2);
  return (resource === ALL || resource === plural) && (sub === ALL || sub === subresource);
}

/** A namespace is no part of itself. */
function isInScope(
  scope: string,
  { namespace, resource }: Pick<Attributes, "namespace" | "resource">,
): boolean {
  const isNamespaced = namespace !== "" && resource !== "core/namespaces";
  if (scope === "Namespaced") return isNamespaced;
  return scope !== "Cluster" || !isNamespaced;
}
