/** Rules for ReplicationControllers. @module */
import { field } from "#apimachinery";
import { NONE, nonNegative, type Causes } from "../../validation/common.ts";
import {
  alwaysRestarts,
  selectorMatchesTemplate,
  validatePodTemplateSpec,
} from "../../validation/pod-template.ts";
import type { ReplicationController } from "./types.gen.ts";

export function validateReplicationController({ spec = {} }: ReplicationController): Causes {
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
          ...validatePodTemplateSpec(template, path),
          ...alwaysRestarts(template, path, "ReplicationController"),
        ]),
  ];
}
