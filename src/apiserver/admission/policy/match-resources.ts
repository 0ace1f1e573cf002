/** Whether a policy or a binding is about a request, and in which version it wants to see it; upstream's `matching.Matcher`. @module */
import { labels, type KubeObject } from "#apimachinery";
import type { MatchResources, NamedRuleWithOperations } from "#api/admissionregistration/v1/types.gen";
import type { ServedResource } from "../../registry/served-resource.ts";
import type { Attributes } from "../plugin.ts";
import { namespaceMatches, objectMatches, type InvocationFacts } from "../webhook/invocation.ts";
import { ruleMatches } from "../webhook/match-rules.ts";

export interface Matcher {
  readonly spec: MatchResources;
  readonly namespaceSelector: labels.Selector;
  readonly objectSelector: labels.Selector;
}

export function newMatcher(spec: MatchResources): Matcher {
  return {
    spec,
    namespaceSelector: labels.fromLabelSelector(spec.namespaceSelector ?? {}),
    objectSelector: labels.fromLabelSelector(spec.objectSelector ?? {}),
  };
}

/** The version in which the request is to be shown; undefined when it is none of the policy's business. Throws a StatusError. */
export async function matchedVersion(
  matcher: Matcher,
  object: KubeObject | undefined,
  attributes: Attributes,
  facts: InvocationFacts,
): Promise<ServedResource | undefined> {
  const { resourceRules = [], excludeResourceRules = [], matchPolicy } = matcher.spec;
  const versions = facts.versionsOf(attributes.resource);
  // Rules first: they are what usually says no, and cost least.
  const served =
    resourceRules.length === 0
      ? requestedVersion(versions, attributes)
      : ruledVersion(resourceRules, matchPolicy, versions, attributes);
  if (served === undefined || !objectMatches(matcher, object, attributes.oldObject)) return undefined;
  if (ruledVersion(excludeResourceRules, matchPolicy, versions, attributes) !== undefined) return undefined;
  return (await namespaceMatches(matcher, object, attributes, facts.lookup)) ? served : undefined;
}

function requestedVersion(
  versions: readonly ServedResource[],
  { requestKind }: Attributes,
): ServedResource | undefined {
  return versions.find(
    ({ kind }) => kind.group === requestKind.group && kind.version === requestKind.version,
  );
}

function ruledVersion(
  rules: readonly NamedRuleWithOperations[],
  matchPolicy: string | undefined,
  versions: readonly ServedResource[],
  attributes: Attributes,
): ServedResource | undefined {
  if (rules.length === 0) return undefined;
  const requested = requestedVersion(versions, attributes);
  if (requested !== undefined && rules.some((rule) => covers(rule, requested, attributes))) return requested;
  if (matchPolicy === "Exact") return undefined;
  for (const rule of rules) {
    const found = versions.find((served) => served !== requested && covers(rule, served, attributes));
    if (found !== undefined) return found;
  }
  return undefined;
}

function covers(rule: NamedRuleWithOperations, { kind }: ServedResource, attributes: Attributes): boolean {
  const { resourceNames = [] } = rule;
  if (resourceNames.length > 0 && !resourceNames.includes(attributes.name)) return false;
  return ruleMatches(
    rule,
    { group: kind.group, version: kind.version, plural: kind.names.plural },
    attributes,
  );
}
