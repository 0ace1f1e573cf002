/** Rules for DaemonSets. @module */
import { field } from "#apimachinery";
import { immutable, NONE, nonNegative, type Causes } from "../../validation/common.ts";
import { isZero, notMoreThanAll, validateIntOrPercent } from "../../validation/int-or-percent.ts";
import {
  alwaysRestarts,
  selectorMatchesTemplate,
  validatePodTemplateSpec,
  validateWorkloadSelector,
} from "../../validation/pod-template.ts";
import { collisionCountGrows } from "./status-validation.ts";
import type { DaemonSet, DaemonSetUpdateStrategy, RollingUpdateDaemonSet } from "./types.gen.ts";

export function validateDaemonSet({ spec }: DaemonSet): Causes {
  if (spec === undefined) return [field.required("spec.selector")];
  return [
    ...validateWorkloadSelector(spec.selector, "spec.selector", "daemonset"),
    ...selectorMatchesTemplate(spec.selector, spec.template, "spec.template"),
    ...validatePodTemplateSpec(spec.template, "spec.template"),
    ...alwaysRestarts(spec.template, "spec.template", "DaemonSet"),
    ...nonNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...validateStrategy(spec.updateStrategy ?? {}, "spec.updateStrategy"),
    ...nonNegative(spec.revisionHistoryLimit, "spec.revisionHistoryLimit"),
  ];
}

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

export function validateDaemonSetUpdate(ds: DaemonSet, old: DaemonSet): Causes {
  return immutable(ds.spec?.selector, old.spec?.selector, "spec.selector");
}

export function validateDaemonSetStatusUpdate({ status }: DaemonSet, old: DaemonSet): Causes {
  return [
    ...Object.entries(status ?? {}).flatMap(([name, value]) =>
      typeof value === "number" ? nonNegative(value, field.child("status", name)) : NONE,
    ),
    ...collisionCountGrows(status?.collisionCount, old.status?.collisionCount),
  ];
}
