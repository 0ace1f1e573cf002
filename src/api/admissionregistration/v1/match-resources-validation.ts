/** Rules for what policies and their bindings match. @module */
import { field, isPathSegmentName, validateLabelSelector } from "#apimachinery";
import { each, NONE, obeys, oneOf, type Causes } from "../../validation/common.ts";
import { validateOperations, validateRule } from "./rule-validation.ts";
import type { MatchResources, NamedRuleWithOperations } from "./types.gen.ts";

export function validateMatchResources(match: MatchResources, path: string): Causes {
  const { matchPolicy, namespaceSelector, objectSelector } = match;
  const at = (name: string): string => field.child(path, name);
  return [
    ...(matchPolicy
      ? oneOf(matchPolicy, ["Equivalent", "Exact"], at("matchPolicy"))
      : [field.required(at("matchPolicy"))]),
    ...(namespaceSelector === undefined
      ? [field.required(at("namespaceSelector"))]
      : validateLabelSelector(namespaceSelector, at("namespaceSelector"))),
    ...(objectSelector === undefined
      ? [field.required(at("objectSelector"))]
      : validateLabelSelector(objectSelector, at("objectSelector"))),
    ...each(match.resourceRules, at("resourceRules"), validateNamedRule),
    ...each(match.excludeResourceRules, at("excludeResourceRules"), validateNamedRule),
  ];
}

function validateNamedRule(rule: NamedRuleWithOperations, path: string): Causes {
  const { resourceNames = [] } = rule;
  return [
    ...each(resourceNames, field.child(path, "resourceNames"), (name, at, i) => [
      ...obeys(isPathSegmentName, name, at),
      ...(resourceNames.indexOf(name) < i ? [field.duplicate(at, name)] : NONE),
    ]),
    ...validateOperations(rule, path),
    ...validateRule(rule, path),
  ];
}
