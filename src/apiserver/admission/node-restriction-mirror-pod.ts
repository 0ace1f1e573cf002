/** The only pods that a kubelet creates: mirrors of its own static pods, which refer to nothing in the API. Pure. @module */
import type { Pod, Volume } from "#api/core/v1/types.gen";
import { podConfigMapNames } from "../pod-config-maps.ts";
import { podSecretNames } from "../pod-secrets.ts";

const MIRROR_ANNOTATION = "kubernetes.io/config.mirror";

/** Why the node `name`, whose `uid` is looked up last, may not create the pod; undefined: it may. */
export function mirrorPodRefusal(name: string, uid: () => string, pod: Pod): string | undefined {
  const quoted = JSON.stringify(name);
  if (pod.metadata.annotations?.[MIRROR_ANNOTATION] === undefined) {
    return `pod does not have ${JSON.stringify(MIRROR_ANNOTATION)} annotation, node ${quoted} can only create mirror pods`;
  }
  if (pod.spec?.nodeName !== name) {
    return `node ${quoted} can only create pods with spec.nodeName set to itself`;
  }
  const problem = ownerRefusal(name, uid, pod);
  if (problem !== undefined) return problem;
  const resource = referencedResource(pod);
  return resource && `node ${quoted} can not create pods that reference ${resource}`;
}

function ownerRefusal(name: string, uid: () => string, { metadata }: Pod): string | undefined {
  const quoted = JSON.stringify(name);
  const [owner, ...others] = metadata.ownerReferences ?? [];
  if (others.length > 0) {
    return `node ${quoted} can only create pods with a single owner reference set to itself`;
  }
  if (owner?.apiVersion !== "v1" || owner.kind !== "Node" || owner.name !== name) {
    return `node ${quoted} can only create pods with an owner reference set to itself`;
  }
  if (owner.controller !== true) {
    return `node ${quoted} can only create pods with a controller owner reference set to itself`;
  }
  if (owner.blockOwnerDeletion === true) {
    return `node ${quoted} must not set blockOwnerDeletion on an owner reference`;
  }
  const own = uid();
  if (owner.uid === own) return undefined;
  return `node ${name} UID mismatch: expected ${owner.uid} got ${own}`;
}

/** The first resource that the pod needs of the API; what volumes name by a Secret counts as one. */
function referencedResource(pod: Pod): string | undefined {
  if (pod.spec?.serviceAccountName) return "serviceaccounts";
  if (podSecretNames(pod).length > 0) return "secrets";
  if (podConfigMapNames(pod).length > 0) return "configmaps";
  if ((pod.spec?.resourceClaims ?? []).length > 0) return "resourceclaims";
  for (const volume of pod.spec?.volumes ?? []) {
    const resource = resourceOfVolume(volume);
    if (resource !== undefined) return resource;
  }
  return undefined;
}

function resourceOfVolume(volume: Volume): string | undefined {
  if (volume.configMap !== undefined) return "configmaps (via configmap volumes)";
  if (volume.secret !== undefined) return "secrets (via secret volumes)";
  if (volume.csi !== undefined) return "csidrivers (via CSI volumes)";
  if (volume.glusterfs !== undefined) return "endpoints (via glusterFS volumes)";
  if (volume.persistentVolumeClaim !== undefined) return "persistentvolumeclaims";
  if (volume.ephemeral !== undefined) return "persistentvolumeclaims (via ephemeral volumes)";
  if (volume.azureFile !== undefined) return "secrets (via azureFile volumes)";
  for (const source of volume.projected?.sources ?? []) {
    if (source.configMap !== undefined) return "configmaps (via projected volumes)";
    if (source.secret !== undefined) return "secrets (via projected volumes)";
    if (source.serviceAccountToken !== undefined) return "serviceaccounts (via projected volumes)";
    if (source.clusterTrustBundle !== undefined) return "clustertrustbundles";
    if (source.podCertificate !== undefined) return "podcertificates";
  }
  return undefined;
}
