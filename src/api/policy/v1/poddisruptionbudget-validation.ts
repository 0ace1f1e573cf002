/** Rules for PodDisruptionBudgets. @module */
import { field, validateLabelSelector } from "#apimachinery";
import { NONE, oneOf, type Causes } from "../../validation/common.ts";
import { notMoreThanAll, validateIntOrPercent } from "../../validation/int-or-percent.ts";
import type { PodDisruptionBudget } from "./types.gen.ts";

export function validatePodDisruptionBudget({ spec = {} }: PodDisruptionBudget): Causes {
  const { minAvailable, maxUnavailable } = spec;
  const both = minAvailable !== undefined && maxUnavailable !== undefined;
  return [
    ...(both ? [field.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")] : NONE),
    ...(["minAvailable", "maxUnavailable"] as const).flatMap((name) => [
      ...validateIntOrPercent(spec[name], field.child("spec", name)),
      ...notMoreThanAll(spec[name], field.child("spec", name)),
    ]),
    ...validateLabelSelector(spec.selector, "spec.selector"),
    ...oneOf(
      spec.unhealthyPodEvictionPolicy,
      ["AlwaysAllow", "IfHealthyBudget"],
      "spec.unhealthyPodEvictionPolicy",
    ),
  ];
}
