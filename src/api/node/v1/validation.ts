/** Rules for RuntimeClasses. @module */
import { isDns1123Label, validateLabels } from "#apimachinery";
import { immutable, requiredName, type Causes } from "../../validation/common.ts";
import { validateContainerResources } from "../../validation/resources.ts";
import { validateTolerations } from "../../validation/tolerations.ts";
import type { RuntimeClass } from "./types.gen.ts";

export function validateRuntimeClass({ handler, overhead, scheduling }: RuntimeClass): Causes {
  return [
    ...requiredName(isDns1123Label, handler, "handler"),
    ...validateContainerResources({ limits: overhead?.podFixed ?? {} }, [], "overhead"),
    ...validateLabels(scheduling?.nodeSelector, "scheduling.nodeSelector"),
    ...validateTolerations(scheduling?.tolerations, "scheduling.tolerations"),
  ];
}

export function validateRuntimeClassUpdate(runtimeClass: RuntimeClass, old: RuntimeClass): Causes {
  return immutable(runtimeClass.handler, old.handler, "handler");
}
