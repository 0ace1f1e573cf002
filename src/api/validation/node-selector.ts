/** Node selectors, as in node affinity and in persistent volumes. @module */
import { field, isDns1123Subdomain, isLabelValue, validateLabelName } from "#apimachinery";
import type { NodeSelector, NodeSelectorRequirement, NodeSelectorTerm } from "../core/v1/types.gen.ts";
import { all, each, NONE, obeys, type Causes } from "./common.ts";

/** `checkValues` is false where stored objects have values that no label can have. */
export function validateNodeSelector(selector: NodeSelector, path: string, checkValues = true): Causes {
  const at = field.child(path, "nodeSelectorTerms");
  if ((selector.nodeSelectorTerms?.length ?? 0) === 0) {
    return [field.required(at, "must have at least one node selector term")];
  }
  return each(selector.nodeSelectorTerms, at, (term, p) => validateNodeSelectorTerm(term, p, checkValues));
}

export function hasInvalidLabelValue({ matchExpressions = [] }: NodeSelectorTerm): boolean {
  return matchExpressions.some(({ values = [] }) => values.some((value) => isLabelValue(value).length > 0));
}

/** Preferences have always accepted values that no label can have. */
export function validateNodeSelectorTerm(term: NodeSelectorTerm, path: string, checkValues: boolean): Causes {
  return all(
    each(term.matchExpressions, field.child(path, "matchExpressions"), (requirement, at) =>
      validateRequirement(requirement, at, checkValues),
    ),
    each(term.matchFields, field.child(path, "matchFields"), validateFieldRequirement),
  );
}

function validateRequirement(
  requirement: NodeSelectorRequirement,
  path: string,
  checkValues: boolean,
): Causes {
  const { key, values = [] } = requirement;
  return all(
    validateOperator(requirement, path),
    validateLabelName(key, field.child(path, "key")),
    checkValues
      ? each(values, field.child(path, "values"), (value, at) => obeys(isLabelValue, value, at))
      : NONE,
  );
}

function validateOperator({ operator, values = [] }: NodeSelectorRequirement, path: string): Causes {
  const at = field.child(path, "values");
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length > 0) return NONE;
      return [field.required(at, "must be specified when `operator` is 'In' or 'NotIn'")];
    case "Exists":
    case "DoesNotExist":
      if (values.length === 0) return NONE;
      return [field.forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
    case "Gt":
    case "Lt":
      if (values.length === 1) return NONE;
      return [field.required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'")];
    default:
      return [field.invalid(field.child(path, "operator"), operator, "not a valid selector operator")];
  }
}

function validateFieldRequirement(
  { key, operator, values = [] }: NodeSelectorRequirement,
  path: string,
): Causes {
  const at = field.child(path, "values");
  const single = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
  return all(
    operator !== "In" && operator !== "NotIn"
      ? [field.invalid(field.child(path, "operator"), operator, "not a valid selector operator")]
      : values.length === 1
        ? NONE
        : [field.required(at, single)],
    key === "metadata.name"
      ? each(values, at, (value, p) => obeys(isDns1123Subdomain, value, p))
      : [field.invalid(field.child(path, "key"), key, "not a valid field selector key")],
  );
}
