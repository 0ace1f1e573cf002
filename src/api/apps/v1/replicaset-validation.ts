/** Rules for ReplicaSets. @module */
import { field } from "#apimachinery";
import { immutable, nonNegative, NONE, type Causes } from "../../validation/common.ts";
import {
  alwaysRestarts,
  validatePodTemplateSpec,
  validateSelectedTemplate,
  validateWorkloadSelector,
} from "../../validation/pod-template.ts";
import { validateReplicaCounts } from "./status-validation.ts";
import type { ReplicaSet } from "./types.gen.ts";

export function validateReplicaSet({ spec }: ReplicaSet, old?: ReplicaSet): Causes {
  if (spec === undefined) return [field.required("spec.selector")];
  const { template = {} } = spec;
  return [
    ...nonNegative(spec.replicas, "spec.replicas"),
    ...nonNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...validateWorkloadSelector(spec.selector, "spec.selector", "deployment"),
    ...validateSelectedTemplate(spec.selector, template, "invalid label selector", () => [
      ...validatePodTemplateSpec(template, "spec.template", old?.spec?.template),
      ...alwaysRestarts(template, "spec.template", "ReplicaSet"),
    ]),
  ];
}

export function validateReplicaSetUpdate(rs: ReplicaSet, old: ReplicaSet): Causes {
  return immutable(rs.spec?.selector, old.spec?.selector, "spec.selector");
}

export function validateReplicaSetStatusUpdate({ status }: ReplicaSet): Causes {
  if (status === undefined) return NONE;
  const parts = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];
  const counts = ["replicas", ...parts, "observedGeneration", "terminatingReplicas"];
  return validateReplicaCounts(status, counts, parts, "readyReplicas");
}
