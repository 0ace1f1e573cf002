/** The Secrets that a pod names, wherever it may. Pure. @module */
import type { Pod } from "#api/core/v1/types.gen";

export function podSecretNames({ spec }: Pod): readonly string[] {
  if (spec === undefined) return [];
  const containers = [
    ...spec.containers,
    ...(spec.initContainers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
  const named = [
    ...(spec.imagePullSecrets ?? []).map(({ name }) => name),
    ...containers.flatMap(({ env = [], envFrom = [] }) => [
      ...env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
      ...envFrom.map(({ secretRef }) => secretRef?.name),
    ]),
    ...(spec.volumes ?? []).flatMap(({ secret, projected, csi }) => [
      secret?.secretName,
      csi?.nodePublishSecretRef?.name,
      ...(projected?.sources ?? []).map((source) => source.secret?.name),
    ]),
  ];
  return named.filter((name) => name !== undefined);
}
