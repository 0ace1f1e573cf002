/** Rules for ReplicationControllers. @module */
import { field } from "#apimachinery";
import { NONE, nonNegative, type Causes } from "../../validation/common.ts";
import {
  alwaysRestarts,
  selectorMatchesTemplate,
  validatePodTemplateSpec,
} from "../../validation/pod-template.ts";
import { validateReplicaCounts } from "../../apps/v1/status-validation.ts";
import type { ReplicationController } from "./types.gen.ts";

export function validateReplicationControllerStatusUpdate({
  status = { replicas: 0 },
}: ReplicationController): Causes {
  return validateReplicaCounts(
    status,
    ["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration"],
    ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"],
    "readyReplicas",
  );
}

export function validateReplicationController(
  { spec = {} }: ReplicationController,
  old?: ReplicationController,
): Causes {
  const { selector = {}, replicas, template } = spec;
  const path = "spec.template";
  return [
    ...nonNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...(Object.keys(selector).length === 0 ? [field.required("spec.selector")] : NONE),
    ...(replicas === undefined ? [field.required("spec.replicas")] : nonNegative(replicas, "spec.replicas")),
    ...(template === undefined
      ? [field.required(path)]
      : [
          ...selectorMatchesTemplate({ matchLabels: selector }, template, path),
          ...validatePodTemplateSpec(template, path, old?.spec?.template),
          ...alwaysRestarts(template, path, "ReplicationController"),
        ]),
  ];
}
