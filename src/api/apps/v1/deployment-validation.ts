/** Rules for Deployments. @module */
import { field } from "#apimachinery";
import { immutable, NONE, nonNegative, type Causes } from "../../validation/common.ts";
import { isZero, notMoreThanAll, validateIntOrPercent } from "../../validation/int-or-percent.ts";
import {
  alwaysRestarts,
  validatePodTemplateSpec,
  validateSelectedTemplate,
  validateWorkloadSelector,
} from "../../validation/pod-template.ts";
import { collisionCountGrows, validateReplicaCounts } from "./status-validation.ts";
import type { Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment } from "./types.gen.ts";

export function validateDeployment({ spec }: Deployment, old?: Deployment): Causes {
  if (spec === undefined) return [field.required("spec.selector")];
  return [
    ...nonNegative(spec.replicas, "spec.replicas"),
    ...validateWorkloadSelector(spec.selector, "spec.selector", "deployment"),
    ...validateSelectedTemplate(spec.selector, spec.template, "invalid label selector", () => [
      ...validatePodTemplateSpec(spec.template, "spec.template", old?.spec?.template),
      ...alwaysRestarts(spec.template, "spec.template", "ReplicaSet"),
    ]),
    ...validateStrategy(spec.strategy ?? {}, "spec.strategy"),
    ...nonNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...nonNegative(spec.revisionHistoryLimit, "spec.revisionHistoryLimit"),
    ...validateDeadline(spec),
  ];
}

function validateDeadline({
  progressDeadlineSeconds: deadline,
  minReadySeconds = 0,
}: DeploymentSpec): Causes {
  if (deadline === undefined) return NONE;
  const path = "spec.progressDeadlineSeconds";
  return [
    ...nonNegative(deadline, path),
    ...(deadline <= minReadySeconds
      ? [field.invalid(path, deadline, "must be greater than minReadySeconds")]
      : NONE),
  ];
}

function validateStrategy(strategy: DeploymentStrategy, path: string): Causes {
  const { type, rollingUpdate } = strategy;
  const at = field.child(path, "rollingUpdate");
  switch (type ?? "") {
    case "Recreate":
      if (rollingUpdate === undefined) return NONE;
      return [field.forbidden(at, "may not be specified when strategy `type` is 'Recreate'")];
    case "RollingUpdate":
      if (rollingUpdate === undefined)
        return [field.required(at, "this should be defaulted and never be nil")];
      return validateRollingUpdate(rollingUpdate, at);
    default:
      return [field.notSupported(path, strategy, ["Recreate", "RollingUpdate"])];
  }
}

function validateRollingUpdate({ maxUnavailable, maxSurge }: RollingUpdateDeployment, path: string): Causes {
  const at = field.child(path, "maxUnavailable");
  return [
    ...validateIntOrPercent(maxUnavailable, at),
    ...validateIntOrPercent(maxSurge, field.child(path, "maxSurge")),
    ...(isZero(maxUnavailable) && isZero(maxSurge)
      ? [field.invalid(at, maxUnavailable, "may not be 0 when `maxSurge` is 0")]
      : NONE),
    ...notMoreThanAll(maxUnavailable, at),
  ];
}

export function validateDeploymentUpdate(deployment: Deployment, old: Deployment): Causes {
  return immutable(deployment.spec?.selector, old.spec?.selector, "spec.selector");
}

const COUNTS = [
  "observedGeneration",
  "replicas",
  "updatedReplicas",
  "readyReplicas",
  "availableReplicas",
  "unavailableReplicas",
  "terminatingReplicas",
  "collisionCount",
];

export function validateDeploymentStatusUpdate({ status = {} }: Deployment, old: Deployment): Causes {
  return [
    ...validateReplicaCounts(
      status,
      COUNTS,
      ["updatedReplicas", "readyReplicas", "availableReplicas"],
      "readyReplicas",
    ),
    ...collisionCountGrows(status.collisionCount, old.status?.collisionCount),
  ];
}
