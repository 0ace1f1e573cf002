/** Who a pod of a StatefulSet is: its name, its number, its labels, its claims. @module */
import { StatefulSets } from "#api/apps/v1/statefulset";
import type { StatefulSet } from "#api/apps/v1/types.gen";
import type { PersistentVolumeClaim, Pod, Volume } from "#api/core/v1/types.gen";
import { podFromTemplate } from "../pod-control.ts";

export const POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name";
const POD_INDEX_LABEL = "apps.kubernetes.io/pod-index";
/** Holds the name of the revision, unlike a DaemonSet's, which holds its hash. */
export const REVISION_LABEL = "controller-revision-hash";

const POD_NAME = /^(.*)-([0-9]+)$/;

/** The ordinal of a pod of this set; undefined for any other pod. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const match = POD_NAME.exec(pod.metadata.name);
  return match?.[1] === set.metadata.name ? Number(match[2]) : undefined;
}

/** The first ordinal, and the one after the last. */
export function ordinalRange({ spec }: StatefulSet): { readonly start: number; readonly end: number } {
  const start = spec?.ordinals?.start ?? 0;
  return { start, end: start + (spec?.replicas ?? 1) };
}

export function isInRange(set: StatefulSet, ordinal: number): boolean {
  const { start, end } = ordinalRange(set);
  return ordinal >= start && ordinal < end;
}

export function podName({ metadata }: StatefulSet, ordinal: number): string {
  return `${metadata.name}-${ordinal}`;
}

export function claimName(set: StatefulSet, template: string, ordinal: number): string {
  return `${template}-${podName(set, ordinal)}`;
}

export function claimNames(set: StatefulSet, ordinal: number): readonly string[] {
  return (set.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => claimName(set, metadata.name, ordinal));
}

/** The claims of one pod; labels of the selector are added to the template's own. */
export function newClaims(set: StatefulSet, ordinal: number): readonly PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    ...template,
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      ...template.metadata,
      name: claimName(set, template.metadata.name, ordinal),
      namespace: set.metadata.namespace!,
      labels: { ...template.metadata.labels, ...set.spec?.selector?.matchLabels },
    },
  }));
}

/** `set` carries the template of the revision that the pod is made of. */
export function newStatefulPod(set: StatefulSet, revision: string, ordinal: number): Pod {
  const pod = podFromTemplate(set.spec!.template, set, StatefulSets);
  const { serviceName = "" } = set.spec!;
  const name = podName(set, ordinal);
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      name,
      labels: { ...identityLabels(pod, name, ordinal), [REVISION_LABEL]: revision },
    },
    spec: {
      ...pod.spec!,
      volumes: volumesOf(set, pod, ordinal),
      hostname: name,
      ...(serviceName !== "" && { subdomain: serviceName }),
    },
  };
}

function identityLabels(pod: Pod, name: string, ordinal: number): Readonly<Record<string, string>> {
  return { ...pod.metadata.labels, [POD_NAME_LABEL]: name, [POD_INDEX_LABEL]: String(ordinal) };
}

/** A volume of the template gives way to a claim of the same name. */
function volumesOf(set: StatefulSet, pod: Pod, ordinal: number): readonly Volume[] {
  const templates = (set.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name);
  const claims = templates.map((name) => ({
    name,
    persistentVolumeClaim: { claimName: claimName(set, name, ordinal) },
  }));
  return [...claims, ...(pod.spec?.volumes ?? []).filter(({ name }) => !templates.includes(name))];
}

export function hasIdentity(pod: Pod): boolean {
  return pod.metadata.labels?.[POD_NAME_LABEL] === pod.metadata.name;
}

export function hasStorage(set: StatefulSet, pod: Pod, ordinal: number): boolean {
  return (set.spec?.volumeClaimTemplates ?? []).every(({ metadata: { name } }) => {
    const volume = pod.spec?.volumes?.find((candidate) => candidate.name === name);
    return volume?.persistentVolumeClaim?.claimName === claimName(set, name, ordinal);
  });
}

/** The pod as its set wants it to be known; the same object when it is so already. */
export function withIdentity(set: StatefulSet, pod: Pod, ordinal: number): Pod {
  const labels = identityLabels(pod, pod.metadata.name, ordinal);
  const named = hasIdentity(pod) ? pod : { ...pod, metadata: { ...pod.metadata, labels } };
  if (hasStorage(set, pod, ordinal)) return named;
  return { ...named, spec: { ...named.spec!, volumes: volumesOf(set, pod, ordinal) } };
}

export function revisionOf(pod: Pod): string {
  return pod.metadata.labels?.[REVISION_LABEL] ?? "";
}
