/** AppArmor profiles in annotations, where they stood before v1.30, become fields of new pods. @module */
import { APPARMOR_PREFIX } from "../../validation/pod-annotations.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import type { AppArmorProfile, Container, PodSpec } from "./types.gen.ts";

const LOCALHOST = "localhost/";
const PROFILE_BYTES_MAX = 4095;

/** undefined when the annotation means nothing. */
export function appArmorProfileOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === "unconfined") return { type: "Unconfined" };
  if (annotation === "runtime/default") return { type: "RuntimeDefault" };
  const localhostProfile = annotation.startsWith(LOCALHOST) ? annotation.slice(LOCALHOST.length) : "";
  return localhostProfile === "" ? undefined : { type: "Localhost", localhostProfile };
}

/** Fields win over annotations; a profile that the pod has as a whole is not repeated. */
export function withAppArmorFields(spec: PodSpec, annotations: Readonly<Record<string, string>>): PodSpec {
  const isNamed = Object.keys(annotations).some((key) => key.startsWith(APPARMOR_PREFIX));
  if (!isNamed || spec.os?.name === "windows") return spec;
  const convert = <C extends Container>(container: C): C => {
    const annotation = annotations[APPARMOR_PREFIX + container.name];
    if (annotation === undefined || container.securityContext?.appArmorProfile !== undefined)
      return container;
    const profile = appArmorProfileOf(annotation);
    if (profile === undefined || !isValid(profile)) return container;
    if (semanticEqual(profile, spec.securityContext?.appArmorProfile)) return container;
    return { ...container, securityContext: { ...container.securityContext, appArmorProfile: profile } };
  };
  return {
    ...spec,
    containers: spec.containers.map(convert),
    ...(spec.initContainers !== undefined && { initContainers: spec.initContainers.map(convert) }),
  };
}

function isValid({ localhostProfile: name = "" }: AppArmorProfile): boolean {
  return name.trim() === name && name.length <= PROFILE_BYTES_MAX;
}
