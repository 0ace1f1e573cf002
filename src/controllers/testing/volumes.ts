/** Claims, volumes and classes for the tests of controllers. @module */
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import type { StorageClass } from "#api/storage/v1/types.gen";
import { START } from "./objects.ts";

export interface ClaimOptions {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly metadata?: Partial<PersistentVolumeClaim["metadata"]>;
  readonly spec?: Partial<NonNullable<PersistentVolumeClaim["spec"]>>;
  readonly phase?: string;
}

/** Asks for 1Gi, of no class. */
export function newClaim(name: string, options: ClaimOptions = {}): PersistentVolumeClaim {
  const { annotations, metadata, spec, phase = "Pending" } = options;
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name,
      namespace: "default",
      uid: `uid-${name}`,
      resourceVersion: "1",
      creationTimestamp: START,
      ...(annotations !== undefined && { annotations }),
      ...metadata,
    },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "1Gi" } },
      storageClassName: "",
      ...spec,
    },
    status: { phase },
  };
}

/** Has 1Gi, of no class, and is available. */
export function newVolume(
  name: string,
  spec: Partial<NonNullable<PersistentVolume["spec"]>> = {},
  more: { readonly phase?: string; readonly metadata?: Partial<PersistentVolume["metadata"]> } = {},
): PersistentVolume {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, uid: `uid-${name}`, ...more.metadata },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      ...spec,
    },
    status: { phase: more.phase ?? "Available" },
  };
}

export function newClass(name: string, more: Partial<StorageClass> = {}): StorageClass {
  return {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    provisioner: "example.com/disks",
    volumeBindingMode: "Immediate",
    reclaimPolicy: "Delete",
    ...more,
    metadata: { name, ...more.metadata },
  };
}
