/** Rules for RuntimeClasses. @module */
import { field, isDns1123Label, validateLabels } from "#apimachinery";
import type { Toleration } from "../../core/v1/types.gen.ts";
import { each, immutable, NONE, requiredName, type Causes } from "../../validation/common.ts";
import { validateContainerResources } from "../../validation/resources.ts";
import { validateTolerations } from "../../validation/tolerations.ts";
import { deprecationOfLabel } from "./deprecated-labels.ts";
import type { RuntimeClass } from "./types.gen.ts";

export function validateRuntimeClass({ handler, overhead, scheduling }: RuntimeClass): Causes {
  return [
    ...requiredName(isDns1123Label, handler, "handler"),
    ...validateContainerResources({ limits: overhead?.podFixed ?? {} }, "overhead"),
    ...validateLabels(scheduling?.nodeSelector, "scheduling.nodeSelector"),
    ...validateTolerations(scheduling?.tolerations, "scheduling.tolerations"),
    ...repeatedTolerations(scheduling?.tolerations ?? [], "scheduling.tolerations"),
  ];
}

function repeatedTolerations(tolerations: readonly Toleration[], path: string): Causes {
  const seen = new Set<string>();
  return each(tolerations, path, (toleration, at) => {
    const { key = "", operator = "", value = "", effect = "", tolerationSeconds } = toleration;
    const id = JSON.stringify([key, operator, value, effect]);
    const shown = { Key: key, Operator: operator, Value: value, Effect: effect };
    if (seen.has(id))
      return [field.duplicate(at, { ...shown, TolerationSeconds: tolerationSeconds ?? null })];
    seen.add(id);
    return NONE;
  });
}

export function runtimeClassWarnings({ scheduling }: RuntimeClass): readonly string[] {
  return Object.keys(scheduling?.nodeSelector ?? {}).flatMap((label) => {
    const message = deprecationOfLabel(label);
    return message === undefined ? [] : [`scheduling.nodeSelector: ${message}`];
  });
}

export function validateRuntimeClassUpdate(runtimeClass: RuntimeClass, old: RuntimeClass): Causes {
  return immutable(runtimeClass.handler, old.handler, "handler");
}
