/** The Secrets that a pod names; upstream's `VisitPodSecretNames`. Pure. @module */
import type { Container, Pod, Volume } from "#api/core/v1/types.gen";

/** Of its own namespace, in any place: pulling images, the environment of containers, volumes. */
export function podSecretNames(pod: Pod): readonly string[] {
  const { imagePullSecrets = [], volumes = [] } = pod.spec ?? {};
  const names = [
    ...imagePullSecrets.map(({ name }) => name),
    ...containersOf(pod).flatMap(ofContainer),
    ...volumes.flatMap(ofVolume),
  ];
  return names.filter((name) => name !== undefined && name !== "") as readonly string[];
}

export function containersOf({ spec }: Pod): readonly Container[] {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? []), ...(spec?.ephemeralContainers ?? [])];
}

function ofContainer({ env = [], envFrom = [] }: Container): readonly (string | undefined)[] {
  return [
    ...envFrom.map(({ secretRef }) => secretRef?.name),
    ...env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
  ];
}

function ofVolume({ secret, projected, csi, azureFile, ...volume }: Volume): readonly (string | undefined)[] {
  const { cephfs, cinder, flexVolume, iscsi, rbd, scaleIO, storageos } = volume;
  return [
    secret?.secretName,
    csi?.nodePublishSecretRef?.name,
    azureFile?.secretName,
    ...[cephfs, cinder, flexVolume, iscsi, rbd, scaleIO, storageos].map((source) => source?.secretRef?.name),
    ...(projected?.sources ?? []).map((source) => source.secret?.name),
  ];
}
