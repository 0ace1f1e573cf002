/** Rules for PodDisruptionBudgets. @module */
import { field } from "#apimachinery";
import { validateConditions } from "../../meta/v1/condition-validation.ts";
import { isValidSelector, validateSelector } from "../../meta/v1/label-selector-validation.ts";
import { NONE, nonNegative, oneOf, type Causes } from "../../validation/common.ts";
import { notMoreThanAll, validateIntOrPercent } from "../../validation/int-or-percent.ts";
import type { PodDisruptionBudget, PodDisruptionBudgetSpec } from "./types.gen.ts";

export function validatePodDisruptionBudget(
  { spec = {} }: PodDisruptionBudget,
  old?: PodDisruptionBudget,
): Causes {
  const { minAvailable, maxUnavailable } = spec;
  const both = minAvailable !== undefined && maxUnavailable !== undefined;
  return [
    ...(both
      ? [field.invalid("spec", shown(spec), "minAvailable and maxUnavailable cannot be both set")]
      : NONE),
    ...(["minAvailable", "maxUnavailable"] as const).flatMap((name) => [
      ...validateIntOrPercent(spec[name], field.child("spec", name)),
      ...notMoreThanAll(spec[name], field.child("spec", name)),
    ]),
    ...validateSelector(spec.selector, "spec.selector", !isValidSelector(old?.spec?.selector)),
    ...oneOf(
      spec.unhealthyPodEvictionPolicy,
      ["AlwaysAllow", "IfHealthyBudget"],
      "spec.unhealthyPodEvictionPolicy",
    ),
  ];
}

/** As upstream's messages show it. */
function shown(spec: PodDisruptionBudgetSpec): unknown {
  return {
    MinAvailable: spec.minAvailable ?? null,
    Selector: spec.selector ?? null,
    MaxUnavailable: spec.maxUnavailable ?? null,
    UnhealthyPodEvictionPolicy: spec.unhealthyPodEvictionPolicy ?? null,
  };
}

const COUNTS = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] as const;

export function validatePodDisruptionBudgetStatusUpdate({ status }: PodDisruptionBudget): Causes {
  return [
    ...validateConditions(status?.conditions, "status.conditions"),
    ...COUNTS.flatMap((name) => nonNegative(status?.[name], field.child("status", name))),
  ];
}
