/**
 * Fields of pods behind feature gates that are off by default in v1.36 and mean nothing to our kubelet and scheduler: new
 * objects do not get them. (ClusterTrustBundles in volumes do mean something to kubelet, and stay.)
 * @module
 */
import type { PodSpec, PodTemplateSpec, Volume, VolumeProjection } from "./types.gen.ts";

/** The same spec when there is nothing to drop. */
export function withoutDisabledFields(spec: PodSpec): PodSpec {
  const hasProjections = spec.volumes?.some((volume) => volume.projected?.sources?.some(isDisabled)) === true;
  // Behind GenericWorkload.
  if (spec.schedulingGroup === undefined && !hasProjections) return spec;
  const { schedulingGroup: _schedulingGroup, ...rest } = spec;
  return hasProjections ? { ...rest, volumes: rest.volumes!.map(withoutProjections) } : rest;
}

export function withoutDisabledTemplateFields(template: PodTemplateSpec): PodTemplateSpec {
  if (template.spec === undefined) return template;
  const spec = withoutDisabledFields(template.spec);
  return spec === template.spec ? template : { ...template, spec };
}

/** Behind PodCertificateRequest. */
const isDisabled = ({ podCertificate }: VolumeProjection): boolean => podCertificate !== undefined;

function withoutProjections(volume: Volume): Volume {
  if (volume.projected?.sources === undefined) return volume;
  const sources = volume.projected.sources.map(({ podCertificate: _p, ...source }) => source);
  return { ...volume, projected: { ...volume.projected, sources } };
}
