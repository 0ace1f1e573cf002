/** Which PersistentVolumeClaims the volumes of a pod name. @module */
import type { Pod } from "#api/core/v1/types.gen";
import type { ObjectKey } from "#apimachinery";

export interface ClaimRef {
  readonly key: ObjectKey;
  readonly name: string;
  /** Made for this pod by the ephemeral volume controller. */
  readonly isEphemeral: boolean;
}

const NO_REFS: readonly ClaimRef[] = [];

export function claimRefs({ metadata, spec }: Pod): readonly ClaimRef[] {
  if (spec?.volumes === undefined) return NO_REFS;
  const refs: ClaimRef[] = [];
  for (const { name: volume, persistentVolumeClaim, ephemeral } of spec.volumes) {
    const name = ephemeral === undefined ? persistentVolumeClaim?.claimName : `${metadata.name}-${volume}`;
    if (name === undefined) continue;
    refs.push({ key: `${metadata.namespace ?? ""}/${name}`, name, isEphemeral: ephemeral !== undefined });
  }
  return refs.length === 0 ? NO_REFS : refs;
}
