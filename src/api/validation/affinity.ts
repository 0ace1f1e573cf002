/** Affinity of pods to nodes and to other pods, and how they spread. @module */
import { field, isDns1123Label, validateLabelName, validateLabelSelector } from "#apimachinery";
import type {
  Affinity,
  PodAffinity,
  PodAffinityTerm,
  TopologySpreadConstraint,
} from "../core/v1/types.gen.ts";
import { all, each, NONE, obeys, oneOf, positive, type Causes } from "./common.ts";
import { validateLabelKeys, validateLegacyLabelKeys } from "./label-keys.ts";
import { validateNodeSelector, validateNodeSelectorTerm } from "./node-selector.ts";
import type { PodRules } from "./pod-rules.ts";

const REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution";

export function validateAffinity(affinity: Affinity | undefined, path: string, rules: PodRules): Causes {
  if (affinity === undefined) return NONE;
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  const nodePath = field.child(path, "nodeAffinity");
  const required = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return all(
    required === undefined
      ? NONE
      : validateNodeSelector(required, field.child(nodePath, REQUIRED), !rules.invalidNodeAffinityValues),
    each(
      nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution,
      field.child(nodePath, PREFERRED),
      (term, at) =>
        all(
          validateWeight(term.weight, at),
          validateNodeSelectorTerm(term.preference, field.child(at, "preference"), false),
        ),
    ),
    validatePodAffinity(podAffinity, field.child(path, "podAffinity"), rules),
    validatePodAffinity(podAntiAffinity, field.child(path, "podAntiAffinity"), rules),
  );
}

function validateWeight(weight: number, path: string): Causes {
  if (weight > 0 && weight <= 100) return NONE;
  return [field.invalid(field.child(path, "weight"), weight, "must be in the range 1-100")];
}

function validatePodAffinity(affinity: PodAffinity | undefined, path: string, rules: PodRules): Causes {
  if (affinity === undefined) return NONE;
  return all(
    each(affinity.requiredDuringSchedulingIgnoredDuringExecution, field.child(path, REQUIRED), (term, at) =>
      validateTerm(term, at, rules),
    ),
    each(
      affinity.preferredDuringSchedulingIgnoredDuringExecution,
      field.child(path, PREFERRED),
      (weighted, at) =>
        all(
          validateWeight(weighted.weight, at),
          validateTerm(weighted.podAffinityTerm, field.child(at, "podAffinityTerm"), rules),
        ),
    ),
  );
}

function validateTerm(term: PodAffinityTerm, path: string, rules: PodRules): Causes {
  const anyValue = rules.invalidSelectorValues;
  const topologyPath = field.child(path, "topologyKey");
  return all(
    validateLabelSelector(term.labelSelector, field.child(path, "labelSelector"), anyValue),
    validateLabelSelector(term.namespaceSelector, field.child(path, "namespaceSelector"), anyValue),
    (term.namespaces ?? []).flatMap((name) => obeys(isDns1123Label, name, field.child(path, "namespace"))),
    validateLabelKeys(path, term.labelSelector, term.matchLabelKeys, term.mismatchLabelKeys),
    term.topologyKey === "" ? [field.required(topologyPath, "can not be empty")] : NONE,
    validateLabelName(term.topologyKey, topologyPath),
  );
}

export function validateTopologySpreadConstraints(
  constraints: readonly TopologySpreadConstraint[] | undefined,
  path: string,
  rules: PodRules,
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
      rules.legacySpreadKeys
        ? validateLegacyLabelKeys(
            field.child(at, "matchLabelKeys"),
            constraint.labelSelector,
            constraint.matchLabelKeys,
          )
        : validateLabelKeys(at, constraint.labelSelector, constraint.matchLabelKeys),
      rules.invalidSpreadSelector
        ? NONE
        : validateLabelSelector(constraint.labelSelector, field.child(at, "labelSelector")),
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
