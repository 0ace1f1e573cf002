/** What the API server warns about in PersistentVolumes. @module */
import { field } from "#apimachinery";
import { CLASS_MESSAGE } from "./persistentvolumeclaim-warnings.ts";
import { warningsForNodeSelectorTerm } from "./pod-warnings.ts";
import { CLASS_ANNOTATION } from "./storage-class-name.ts";
import type { PersistentVolume } from "./types.gen.ts";

const ANNOTATIONS: Readonly<Record<string, string>> = {
  [CLASS_ANNOTATION]: CLASS_MESSAGE,
  "volume.beta.kubernetes.io/mount-options": 'deprecated since v1.31; use "mountOptions" attribute instead',
};
const RECYCLE =
  "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.";
const OLD_SOURCES: readonly (readonly [source: string, shown: string, message: string])[] = [
  ["cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"],
  ["photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"],
  ["scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"],
  ["storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"],
  ["glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"],
  ["rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"],
];

export function warningsForVolume(
  { metadata, spec = {} }: PersistentVolume,
  _old: PersistentVolume | undefined,
  subresource: string,
): readonly string[] {
  if (subresource === "status") return [];
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  return [
    ...Object.entries(ANNOTATIONS)
      .filter(([name]) => metadata.annotations?.[name] !== undefined)
      .map(([name, message]) => `${field.key("metadata.annotations", name)}: ${message}`),
    ...(spec.persistentVolumeReclaimPolicy === "Recycle"
      ? [`spec.persistentVolumeReclaimPolicy: ${RECYCLE}`]
      : []),
    ...terms.flatMap((term, i) =>
      warningsForNodeSelectorTerm(term, `spec.nodeAffinity.required.nodeSelectorTerms[${i}]`, false),
    ),
    ...OLD_SOURCES.filter(([source]) => source in spec).map(
      ([, shown, message]) => `spec.${shown}: ${message}`,
    ),
  ];
}
