/** Rules for PodTemplates. @module */
import type { Causes } from "../../validation/common.ts";
import { validatePodTemplateSpec } from "../../validation/pod-template.ts";
import type { PodTemplate } from "./types.gen.ts";

export function validatePodTemplate({ template = {} }: PodTemplate, old?: PodTemplate): Causes {
  return validatePodTemplateSpec(template, "template", old?.template);
}
