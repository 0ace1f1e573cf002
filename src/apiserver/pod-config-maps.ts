/** The ConfigMaps that a pod names; upstream's `VisitPodConfigmapNames`. Pure. @module */
import type { Container, Pod, Volume } from "#api/core/v1/types.gen";
import { containersOf } from "./pod-secrets.ts";

/** Of its own namespace, in any place: the environment of containers, volumes. */
export function podConfigMapNames(pod: Pod): readonly string[] {
  const names = [...containersOf(pod).flatMap(ofContainer), ...(pod.spec?.volumes ?? []).flatMap(ofVolume)];
  return names.filter((name) => name !== undefined && name !== "") as readonly string[];
}

function ofContainer({ env = [], envFrom = [] }: Container): readonly (string | undefined)[] {
  return [
    ...envFrom.map(({ configMapRef }) => configMapRef?.name),
    ...env.map(({ valueFrom }) => valueFrom?.configMapKeyRef?.name),
  ];
}

function ofVolume({ configMap, projected }: Volume): readonly (string | undefined)[] {
  return [configMap?.name, ...(projected?.sources ?? []).map((source) => source.configMap?.name)];
}
