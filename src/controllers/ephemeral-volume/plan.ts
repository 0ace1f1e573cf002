/** The claims of a pod's generic ephemeral volumes, without cache or network. @module */
import { controllerOf } from "#apimachinery";
import { Pods } from "#api/core/v1/pod";
import type { PersistentVolumeClaim, Pod, Volume } from "#api/core/v1/types.gen";
import { newControllerRef } from "../controller-ref-manager.ts";

export function claimName(pod: Pod, volume: Volume): string {
  return `${pod.metadata.name}-${volume.name}`;
}

export function hasEphemeralVolume({ spec }: Pod): boolean {
  return (spec?.volumes ?? []).some(({ ephemeral }) => ephemeral !== undefined);
}

/** Undefined for volumes of other types. Garbage collection removes the claim after the pod. */
export function claimFor(pod: Pod, volume: Volume): PersistentVolumeClaim | undefined {
  const template = volume.ephemeral?.volumeClaimTemplate;
  if (template === undefined) return undefined;
  const { annotations, labels } = template.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name: claimName(pod, volume),
      namespace: pod.metadata.namespace!,
      ...(annotations !== undefined && { annotations }),
      ...(labels !== undefined && { labels }),
      ownerReferences: [newControllerRef(pod, Pods)],
    },
    spec: template.spec,
  };
}

/** Someone else's claim of the name: nobody may use its data by chance. Undefined: it is the pod's own. */
export function conflictWith(pod: Pod, claim: PersistentVolumeClaim): string | undefined {
  if (controllerOf(claim)?.uid === pod.metadata.uid) return undefined;
  const { namespace, name } = claim.metadata;
  return `PVC ${namespace}/${name} was not created for pod ${pod.metadata.namespace}/${pod.metadata.name} (pod is not owner)`;
}
