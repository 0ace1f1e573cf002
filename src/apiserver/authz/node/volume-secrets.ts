/** The Secrets with which a node gets at a persistent volume; those of upstream's `VisitPVSecretNames` that it calls visible to kubelets. Pure. @module */
import type { PersistentVolume, PersistentVolumeSpec } from "#api/core/v1/types.gen";

export interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

interface Reference {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
}

/** Where a reference of these volumes names no namespace, that of the claim is meant. */
const OF_CLAIM = ["cephfs", "flexVolume", "iscsi", "rbd", "scaleIO"] as const;

export function volumeSecretNames({ spec = {} }: PersistentVolume): readonly SecretName[] {
  const { azureFile, cinder, storageos, csi } = spec;
  const claimNamespace = spec.claimRef?.namespace ?? "";
  const references: readonly (Reference | undefined)[] = [
    withNamespace(azureFile && azureFileSecret(azureFile), claimNamespace),
    ...OF_CLAIM.map((type) => withNamespace(spec[type]?.secretRef, claimNamespace)),
    cinder?.secretRef,
    storageos?.secretRef,
    csi?.nodePublishSecretRef,
    csi?.nodeStageSecretRef,
    csi?.nodeExpandSecretRef,
  ];
  return references.flatMap(({ name = "", namespace = "" } = {}) =>
    name === "" ? [] : [{ namespace, name }],
  );
}

function azureFileSecret({
  secretName: name,
  secretNamespace: namespace,
}: NonNullable<PersistentVolumeSpec["azureFile"]>): Reference {
  return { name, namespace };
}

function withNamespace(reference: Reference | undefined, claimNamespace: string): Reference | undefined {
  if (reference === undefined) return undefined;
  const { name, namespace = "" } = reference;
  return { name, namespace: namespace === "" ? claimNamespace : namespace };
}
