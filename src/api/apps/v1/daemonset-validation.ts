/** Rules for DaemonSets. @module */
import { field, validateLabelSelector } from "#apimachinery";
import { immutable, NONE, nonNegative, type Causes } from "../../validation/common.ts";
import { isZero, notMoreThanAll, validateIntOrPercent } from "../../validation/int-or-percent.ts";
import {
  alwaysRestarts,
  selectorMatchesTemplate,
  validatePodTemplateSpec,
  hasInvalidSelectorValue,
  isEmptySelector,
} from "../../validation/pod-template.ts";
import { collisionCountGrows, nonNegativeCounts } from "./status-validation.ts";
import type { DaemonSet, DaemonSetUpdateStrategy, RollingUpdateDaemonSet } from "./types.gen.ts";

/** An absent selector matches nothing, and is valid; an empty one matches everything, and is not. */
export function validateDaemonSet({ spec }: DaemonSet, old?: DaemonSet): Causes {
  if (spec === undefined) return [field.required("spec.selector")];
  const { selector, template } = spec;
  const anyValue = hasInvalidSelectorValue(old?.spec?.selector);
  return [
    ...(old === undefined ? NONE : immutable(selector, old.spec?.selector, "spec.selector")),
    ...validateLabelSelector(selector, "spec.selector", anyValue),
    ...selectorMatchesTemplate(selector, template, "spec.template"),
    ...(isEmptySelector(selector)
      ? [field.invalid("spec.selector", selector, "empty selector is invalid for daemonset")]
      : NONE),
    ...validatePodTemplateSpec(template, "spec.template", old?.spec?.template),
    ...alwaysRestarts(spec.template, "spec.template", "DaemonSet"),
    ...nonNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...validateStrategy(spec.updateStrategy ?? {}, "spec.updateStrategy"),
    ...nonNegative(spec.revisionHistoryLimit, "spec.revisionHistoryLimit"),
  ];
}

const COUNTS = [
  "currentNumberScheduled",
  "numberMisscheduled",
  "desiredNumberScheduled",
  "numberReady",
  "observedGeneration",
  "updatedNumberScheduled",
  "numberAvailable",
  "numberUnavailable",
  "collisionCount",
];

function validateStrategy(strategy: DaemonSetUpdateStrategy, path: string): Causes {
  const at = field.child(path, "rollingUpdate");
  if (strategy.type === "OnDelete") return NONE;
  if (strategy.type !== "RollingUpdate")
    return [field.notSupported(path, strategy, ["RollingUpdate", "OnDelete"])];
  return strategy.rollingUpdate === undefined
    ? [field.required(at)]
    : validateRollingUpdate(strategy.rollingUpdate, at);
}

function validateRollingUpdate({ maxUnavailable, maxSurge }: RollingUpdateDaemonSet, path: string): Causes {
  const [unavailablePath, surgePath] = [field.child(path, "maxUnavailable"), field.child(path, "maxSurge")];
  const [unavailable, surge] = [!isZero(maxUnavailable), !isZero(maxSurge)];
  return [
    ...validateIntOrPercent(maxUnavailable, unavailablePath),
    ...validateIntOrPercent(maxSurge, surgePath),
    ...notMoreThanAll(maxUnavailable, unavailablePath),
    ...notMoreThanAll(maxSurge, surgePath),
    ...(unavailable && surge
      ? [field.invalid(surgePath, maxSurge, "may not be set when maxUnavailable is non-zero")]
      : NONE),
    ...(!unavailable && !surge ? [field.required(unavailablePath, "cannot be 0 when maxSurge is 0")] : NONE),
  ];
}

export function validateDaemonSetStatusUpdate({ status }: DaemonSet, old: DaemonSet): Causes {
  return [
    ...nonNegativeCounts(status ?? {}, COUNTS),
    ...collisionCountGrows(status?.collisionCount, old.status?.collisionCount),
  ];
}
