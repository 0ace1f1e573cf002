/** The only pods that a kubelet creates: mirrors of its own static pods, which refer to nothing in the API. Pure. @module */
import type { Pod, PodSpec, Volume } from "#api/core/v1/types.gen";

const MIRROR_ANNOTATION = "kubernetes.io/config.mirror";

/** Why the node `name` with `uid` may not create the pod; undefined: it may. */
export function mirrorPodRefusal(name: string, uid: string, pod: Pod): string | undefined {
  const quoted = JSON.stringify(name);
  if (pod.metadata.annotations?.[MIRROR_ANNOTATION] === undefined) {
    return `pod does not have ${JSON.stringify(MIRROR_ANNOTATION)} annotation, node ${quoted} can only create mirror pods`;
  }
  if (pod.spec?.nodeName !== name) {
    return `node ${quoted} can only create pods with spec.nodeName set to itself`;
  }
  const problem = ownerRefusal(name, uid, pod);
  if (problem !== undefined) return problem;
  const resource = referencedResource(pod.spec);
  return resource && `node ${quoted} can not create pods that reference ${resource}`;
}

function ownerRefusal(name: string, uid: string, { metadata }: Pod): string | undefined {
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
  if (owner.uid === uid) return undefined;
  return `node ${name} UID mismatch: expected ${owner.uid} got ${uid}`;
}

/** The first resource that the pod needs of the API. */
function referencedResource(spec: PodSpec): string | undefined {
  if (spec.serviceAccountName) return "serviceaccounts";
  if ((spec.imagePullSecrets ?? []).length > 0) return "secrets";
  const containers = [
    ...spec.containers,
    ...(spec.initContainers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
  for (const { env = [], envFrom = [] } of containers) {
    if (env.some(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined)) return "secrets";
    if (envFrom.some(({ secretRef }) => secretRef !== undefined)) return "secrets";
    if (env.some(({ valueFrom }) => valueFrom?.configMapKeyRef !== undefined)) return "configmaps";
    if (envFrom.some(({ configMapRef }) => configMapRef !== undefined)) return "configmaps";
  }
  if ((spec.resourceClaims ?? []).length > 0) return "resourceclaims";
  for (const volume of spec.volumes ?? []) {
    const resource = resourceOfVolume(volume);
    if (resource !== undefined) return resource;
  }
  return undefined;
}

function resourceOfVolume(volume: Volume): string | undefined {
  if (volume.secret !== undefined) return "secrets (via secret volumes)";
  if (volume.configMap !== undefined) return "configmaps (via configmap volumes)";
  if (volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined) {
    return "persistentvolumeclaims";
  }
  for (const source of volume.projected?.sources ?? []) {
    if (source.secret !== undefined) return "secrets (via projected volumes)";
    if (source.configMap !== undefined) return "configmaps (via projected volumes)";
    if (source.serviceAccountToken !== undefined) return "serviceaccounts (via projected volumes)";
    if (source.clusterTrustBundle !== undefined) return "clustertrustbundles";
    if (source.podCertificate !== undefined) return "podcertificates";
  }
  const { csi, cephfs, rbd, flexVolume, azureFile, cinder, iscsi, scaleIO, storageos } = volume;
  const secrets = [
    csi?.nodePublishSecretRef,
    ...[cephfs, rbd, flexVolume, cinder, iscsi, scaleIO, storageos].map((source) => source?.secretRef),
    azureFile?.secretName,
  ];
  return secrets.some((secret) => secret !== undefined) ? "secrets (via volumes)" : undefined;
}
