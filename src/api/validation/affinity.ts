/** Affinity of pods to nodes and to other pods, and how they spread. @module */
import { field, isDns1123Label, validateLabelName, validateLabelSelector } from "#apimachinery";
import type {
  Affinity,
  PodAffinity,
  PodAffinityTerm,
  TopologySpreadConstraint,
} from "../core/v1/types.gen.ts";
import type { LabelSelector } from "../meta/v1/types.gen.ts";
import { all, each, NONE, obeys, oneOf, positive, type Causes } from "./common.ts";
import { validateNodeSelector, validateNodeSelectorTerm } from "./node-selector.ts";

const REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution";

export function validateAffinity(affinity: Affinity | undefined, path: string): Causes {
  if (affinity === undefined) return NONE;
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  const nodePath = field.child(path, "nodeAffinity");
  const required = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return all(
    required === undefined ? NONE : validateNodeSelector(required, field.child(nodePath, REQUIRED)),
    each(
      nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution,
      field.child(nodePath, PREFERRED),
      (term, at) =>
        all(
          validateWeight(term.weight, at),
          validateNodeSelectorTerm(term.preference, field.child(at, "preference"), false),
        ),
    ),
    validatePodAffinity(podAffinity, field.child(path, "podAffinity")),
    validatePodAffinity(podAntiAffinity, field.child(path, "podAntiAffinity")),
  );
}

function validateWeight(weight: number, path: string): Causes {
  if (weight > 0 && weight <= 100) return NONE;
  return [field.invalid(field.child(path, "weight"), weight, "must be in the range 1-100")];
}

function validatePodAffinity(affinity: PodAffinity | undefined, path: string): Causes {
  if (affinity === undefined) return NONE;
  return all(
    each(affinity.requiredDuringSchedulingIgnoredDuringExecution, field.child(path, REQUIRED), validateTerm),
    each(
      affinity.preferredDuringSchedulingIgnoredDuringExecution,
      field.child(path, PREFERRED),
      (weighted, at) =>
        all(
          validateWeight(weighted.weight, at),
          validateTerm(weighted.podAffinityTerm, field.child(at, "podAffinityTerm")),
        ),
    ),
  );
}

function validateTerm(term: PodAffinityTerm, path: string): Causes {
  const topologyPath = field.child(path, "topologyKey");
  return all(
    validateLabelSelector(term.labelSelector, field.child(path, "labelSelector")),
    validateLabelSelector(term.namespaceSelector, field.child(path, "namespaceSelector")),
    (term.namespaces ?? []).flatMap((name) => obeys(isDns1123Label, name, field.child(path, "namespace"))),
    validateLabelKeys(path, term.labelSelector, term.matchLabelKeys, term.mismatchLabelKeys),
    term.topologyKey === "" ? [field.required(topologyPath, "can not be empty")] : NONE,
    validateLabelName(term.topologyKey, topologyPath),
  );
}

/** Keys whose requirement the API server has merged into the selector already may stand there once. */
function validateLabelKeys(
  path: string,
  selector: LabelSelector | undefined,
  matchKeys: readonly string[] = [],
  mismatchKeys: readonly string[] = [],
): Causes {
  return all(
    validateKeys(matchKeys, selector, field.child(path, "matchLabelKeys")),
    validateKeys(mismatchKeys, selector, field.child(path, "mismatchLabelKeys")),
    keysInSelector(path, selector, matchKeys),
    each(matchKeys, field.child(path, "matchLabelKeys"), (key, at) =>
      mismatchKeys.includes(key)
        ? [field.invalid(at, key, "exists in both matchLabelKeys and mismatchLabelKeys")]
        : NONE,
    ),
  );
}

function validateKeys(keys: readonly string[], selector: LabelSelector | undefined, path: string): Causes {
  if (keys.length === 0) return NONE;
  if (selector === undefined)
    return [field.forbidden(path, "must not be specified when labelSelector is not set")];
  return each(keys, path, validateLabelName);
}

function keysInSelector(path: string, selector: LabelSelector | undefined, keys: readonly string[]): Causes {
  const seen = new Set(Object.keys(selector?.matchLabels ?? {}));
  return (selector?.matchExpressions ?? []).flatMap(({ key }) => {
    const repeated = keys.includes(key) && seen.has(key);
    seen.add(key);
    if (!repeated) return [];
    return [
      field.invalid(
        field.index(path, keys.indexOf(key)),
        key,
        "exists in both matchLabelKeys and labelSelector",
      ),
    ];
  });
}

export function validateTopologySpreadConstraints(
  constraints: readonly TopologySpreadConstraint[] | undefined,
  path: string,
): Causes {
  return each(constraints, path, (constraint, at, i) => {
    const { topologyKey, whenUnsatisfiable } = constraint;
    const repeated = constraints!
      .slice(i + 1)
      .some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable);
    const pair = field.child(at, "{topologyKey, whenUnsatisfiable}");
    return all(
      positive(constraint.maxSkew, field.child(at, "maxSkew")),
      topologyKey === "" ? [field.required(field.child(at, "topologyKey"), "can not be empty")] : NONE,
      oneOf(whenUnsatisfiable, ["DoNotSchedule", "ScheduleAnyway"], field.child(at, "whenUnsatisfiable")),
      repeated ? [field.duplicate(pair, `{${topologyKey}, ${whenUnsatisfiable}}`)] : NONE,
      validateMinDomains(constraint, field.child(at, "minDomains")),
      oneOf(constraint.nodeAffinityPolicy, ["Honor", "Ignore"], field.child(at, "nodeAffinityPolicy")),
      oneOf(constraint.nodeTaintsPolicy, ["Honor", "Ignore"], field.child(at, "nodeTaintsPolicy")),
      validateLabelKeys(at, constraint.labelSelector, constraint.matchLabelKeys),
      validateLabelSelector(constraint.labelSelector, field.child(at, "labelSelector")),
    );
  });
}

function validateMinDomains(
  { minDomains, whenUnsatisfiable }: TopologySpreadConstraint,
  path: string,
): Causes {
  if (minDomains === undefined) return NONE;
  const message = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
  return all(
    positive(minDomains, path),
    whenUnsatisfiable === "DoNotSchedule" ? NONE : [field.invalid(path, minDomains, message)],
  );
}
