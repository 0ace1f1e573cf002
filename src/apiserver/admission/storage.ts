/** What claims, volumes and their classes get: the default class, protection while in use, and growth only where it is possible. @module */
import { compareAmounts, type KubeObject } from "#apimachinery";
import { givenStorageClass } from "#api/core/v1/storage-class-name";
import type { PersistentVolumeClaim } from "#api/core/v1/types.gen";
import { defaultClass } from "#api/storage/v1/default-class";
import type { StorageClass } from "#api/storage/v1/types.gen";
import type { ObjectLookup } from "./object-lookup.ts";
import type { AdmissionPlugin } from "./plugin.ts";
import { refuse } from "./refuse.ts";

const CLAIMS = "core/persistentvolumeclaims";
const VOLUMES = "core/persistentvolumes";
const CLASSES = "storage.k8s.io/storageclasses";
const ATTRIBUTES_CLASSES = "storage.k8s.io/volumeattributesclasses";

export function defaultStorageClass(lookup: ObjectLookup): AdmissionPlugin {
  return {
    name: "DefaultStorageClass",
    operations: ["CREATE"],
    resources: [CLAIMS],
    admit(object, { subresource }) {
      const claim = object as PersistentVolumeClaim;
      if (claim.spec === undefined || subresource !== "" || givenStorageClass(claim) !== undefined)
        return object;
      const found = defaultClass(lookup.list(CLASSES) as readonly StorageClass[]);
      if (found === undefined) return object;
      return { ...claim, spec: { ...claim.spec, storageClassName: found.metadata.name } } as KubeObject;
    },
  };
}

const PROTECTION: Readonly<Record<string, string>> = {
  [CLAIMS]: "kubernetes.io/pvc-protection",
  [VOLUMES]: "kubernetes.io/pv-protection",
  [ATTRIBUTES_CLASSES]: "kubernetes.io/vac-protection",
};

/** Needs the controllers that take the finalizers off again. */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: "StorageObjectInUseProtection",
  operations: ["CREATE"],
  resources: [CLAIMS, VOLUMES, ATTRIBUTES_CLASSES],
  admit(object, { resource, subresource }) {
    if (subresource !== "") return object;
    const finalizer = PROTECTION[resource]!;
    const finalizers = object.metadata.finalizers ?? [];
    if (finalizers.includes(finalizer)) return object;
    return { ...object, metadata: { ...object.metadata, finalizers: [...finalizers, finalizer] } };
  },
};

export function persistentVolumeClaimResize(lookup: ObjectLookup): AdmissionPlugin {
  return {
    name: "PersistentVolumeClaimResize",
    operations: ["UPDATE"],
    resources: [CLAIMS],
    validate(attributes) {
      if (attributes.subresource !== "") return;
      const claim = attributes.object as PersistentVolumeClaim;
      const old = attributes.oldObject as PersistentVolumeClaim;
      const size = sizeOf(claim);
      const oldSize = sizeOf(old);
      if (size === oldSize || compareAmounts(size, oldSize) <= 0) return;
      if (old.status?.phase !== "Bound") {
        throw refuse(attributes, "Only bound persistent volume claims can be expanded");
      }
      const className = givenStorageClass(claim) ?? "";
      const storageClass = lookup.get(CLASSES, "", className) as StorageClass | undefined;
      if (className === givenStorageClass(old) && storageClass?.allowVolumeExpansion === true) return;
      throw refuse(
        attributes,
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
      );
    },
  };
}

function sizeOf({ spec }: PersistentVolumeClaim): string {
  return spec?.resources?.requests?.["storage"] ?? "0";
}
