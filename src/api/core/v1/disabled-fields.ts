/**
 * Fields of pods behind feature gates that are off by default in v1.36 and mean nothing to our kubelet and scheduler: new
 * objects do not get them. (ClusterTrustBundles and certificates in volumes do mean something to kubelet, and stay.)
 * @module
 */
import type { PodSpec, PodTemplateSpec } from "./types.gen.ts";

/** The same spec when there is nothing to drop. */
export function withoutDisabledFields(spec: PodSpec): PodSpec {
  // Behind GenericWorkload.
  if (spec.schedulingGroup === undefined) return spec;
  const { schedulingGroup: _schedulingGroup, ...rest } = spec;
  return rest;
}

export function withoutDisabledTemplateFields(template: PodTemplateSpec): PodTemplateSpec {
  if (template.spec === undefined) return template;
  const spec = withoutDisabledFields(template.spec);
  return spec === template.spec ? template : { ...template, spec };
}
