/** What the pods of a node lead to: asked of the pods themselves, of which a node has few, so that nothing has to be kept in step. @module */
import type { PodCertificateRequest } from "#api/certificates/v1beta1/types.gen";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "#api/core/v1/types.gen";
import type { ResourceSlice } from "#api/resource/v1/types.gen";
import type { VolumeAttachment } from "#api/storage/v1/types.gen";
import { podConfigMapNames } from "../../pod-config-maps.ts";
import { podSecretNames } from "../../pod-secrets.ts";
import { volumeSecretNames } from "./volume-secrets.ts";

export type GraphKind =
  | "secrets"
  | "configmaps"
  | "persistentvolumeclaims"
  | "persistentvolumes"
  | "serviceaccounts"
  | "resourceclaims"
  | "volumeattachments"
  | "pods"
  | "podcertificaterequests"
  | "resourceslices";

export interface NodeGraph {
  /** Whether a pod on the node needs the object. */
  hasPath(node: string, kind: GraphKind, namespace: string, name: string): boolean;
}

/** Where the graph's objects are found, from memory. */
export interface GraphObjects {
  podsOf(node: string): Iterable<Pod>;
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  attachment(name: string): VolumeAttachment | undefined;
  slice(name: string): ResourceSlice | undefined;
  certificateRequest(namespace: string, name: string): PodCertificateRequest | undefined;
}

/** Static pods run before the API knows them: a node must not give itself rights by mirrors that it wrote. */
const MIRROR_ANNOTATION = "kubernetes.io/config.mirror";

export function nodeGraph(objects: GraphObjects): NodeGraph {
  return {
    hasPath(node, kind, namespace, name) {
      if (kind === "volumeattachments") return objects.attachment(name)?.spec.nodeName === node;
      if (kind === "resourceslices") return objects.slice(name)?.spec.nodeName === node;
      if (kind === "podcertificaterequests")
        return objects.certificateRequest(namespace, name)?.spec.nodeName === node;
      const volume = kind === "persistentvolumes" ? objects.volume(name) : undefined;
      if (kind === "persistentvolumes" && volume?.spec?.claimRef === undefined) return false;
      for (const pod of objects.podsOf(node)) {
        if (kind === "pods" && pod.metadata.name === name && pod.metadata.namespace === namespace)
          return true;
        if (pod.metadata.annotations?.[MIRROR_ANNOTATION] !== undefined) continue;
        const isNear = pod.metadata.namespace === namespace;
        if (isNear && needs(pod, kind, name)) return true;
        if (volume !== undefined && isClaimedBy(volume, pod)) return true;
        if (kind === "secrets" && needsForVolume(pod, namespace, name, objects)) return true;
      }
      return false;
    },
  };
}

function needs(pod: Pod, kind: GraphKind, name: string): boolean {
  const { spec } = pod;
  if (spec === undefined) return false;
  switch (kind) {
    case "serviceaccounts":
      return spec.serviceAccountName === name;
    case "secrets":
      return podSecretNames(pod).includes(name);
    case "configmaps":
      return podConfigMapNames(pod).includes(name);
    case "persistentvolumeclaims":
      return claimsOf(pod).includes(name);
    case "resourceclaims":
      return resourceClaimsOf(pod).includes(name);
    case "persistentvolumes":
    case "volumeattachments":
    case "pods":
    case "podcertificaterequests":
    case "resourceslices":
    default:
      return false;
  }
}

/** Secrets that the driver of a volume needs may be in any namespace. */
function needsForVolume(pod: Pod, namespace: string, name: string, objects: GraphObjects): boolean {
  return volumesOf(pod, objects).some((volume) =>
    volumeSecretNames(volume).some((secret) => secret.name === name && secret.namespace === namespace),
  );
}

/** It is the volume that says whose it is: anybody may write a claim that names another's volume. */
function isClaimedBy({ spec }: PersistentVolume, pod: Pod): boolean {
  const { namespace = "", name } = spec?.claimRef ?? {};
  return (pod.metadata.namespace ?? "") === namespace && name !== undefined && claimsOf(pod).includes(name);
}

/** Of ephemeral volumes, too: their claims are named after pod and volume. */
function claimsOf({ metadata, spec }: Pod): readonly (string | undefined)[] {
  return (spec?.volumes ?? []).map(({ name, persistentVolumeClaim, ephemeral }) =>
    ephemeral === undefined ? persistentVolumeClaim?.claimName : `${metadata.name}-${name}`,
  );
}

function volumesOf(pod: Pod, objects: GraphObjects): readonly PersistentVolume[] {
  const { namespace = "" } = pod.metadata;
  return claimsOf(pod).flatMap((claimName) => {
    const claim = claimName === undefined ? undefined : objects.claim(namespace, claimName);
    const volumeName = claim?.spec?.volumeName;
    const volume = volumeName === undefined ? undefined : objects.volume(volumeName);
    return volume !== undefined && isClaimedBy(volume, pod) ? [volume] : [];
  });
}

/** Those that templates made, too, under the names that the status tells. */
function resourceClaimsOf({ spec, status }: Pod): readonly (string | undefined)[] {
  const made = status?.resourceClaimStatuses ?? [];
  return [
    ...(spec?.resourceClaims ?? []).map(
      ({ name, resourceClaimName }) =>
        resourceClaimName ?? made.find((claim) => claim.name === name)?.resourceClaimName,
    ),
    status?.extendedResourceClaimStatus?.resourceClaimName,
  ];
}
