/** Rules for PersistentVolumes. @module */
import {
  canonicalQuantity,
  field,
  isDns1123Subdomain,
  parseQuantity,
  quantityValue,
  signOf,
} from "#apimachinery";
import { validateAccessModes, VOLUME_MODES } from "../../validation/claim-spec.ts";
import { all, immutable, NONE, obeys, oneOf, type Causes } from "../../validation/common.ts";
import { hasInvalidLabelValue, validateNodeSelector } from "../../validation/node-selector.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { sourcesOf, validatePersistentSource } from "./persistentvolume-sources.ts";
import { specDifference } from "./spec-difference.ts";
import type { PersistentVolume, PersistentVolumeSpec } from "./types.gen.ts";

export function validatePersistentVolume(pv: PersistentVolume, old?: PersistentVolume): Causes {
  const { spec = {} } = pv;
  const { storageClassName, volumeAttributesClassName, nodeAffinity } = spec;
  const stored = old?.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  return [
    ...((spec.accessModes?.length ?? 0) === 0 ? [field.required(specPath("accessModes"))] : NONE),
    ...validateAccessModes(spec.accessModes, specPath("accessModes")),
    ...validateCapacity(spec.capacity ?? {}, specPath("capacity")),
    ...oneOf(
      spec.persistentVolumeReclaimPolicy || undefined,
      ["Delete", "Recycle", "Retain"],
      specPath("persistentVolumeReclaimPolicy"),
    ),
    ...(nodeAffinity === undefined
      ? NONE
      : nodeAffinity.required === undefined
        ? [
            field.required(
              field.child(specPath("nodeAffinity"), "required"),
              "must specify required node constraints",
            ),
          ]
        : validateNodeSelector(
            nodeAffinity.required,
            field.child(specPath("nodeAffinity"), "required"),
            !stored.some(hasInvalidLabelValue),
          )),
    ...validatePersistentSource(spec, pv.metadata.name),
    ...recyclesRoot(spec),
    ...(storageClassName ? obeys(isDns1123Subdomain, storageClassName, specPath("storageClassName")) : NONE),
    ...oneOf(spec.volumeMode, VOLUME_MODES, specPath("volumeMode")),
    ...(volumeAttributesClassName === undefined
      ? NONE
      : validateAttributesClass(spec, volumeAttributesClassName)),
    ...validateMountOptions(pv),
  ];
}

const specPath = (name: string): string => field.child("spec", name);

function validateSize(text: string, path: string): Causes {
  const quantity = parseQuantity(text);
  const value = quantityValue(quantity);
  return all(
    value < 0 ? [field.invalid(path, value, "must be a valid resource quantity")] : NONE,
    signOf(quantity) > 0 ? NONE : [field.invalid(path, canonicalQuantity(text), "must be greater than zero")],
  );
}

const MOUNT_OPTIONS_ANNOTATION = "volume.beta.kubernetes.io/mount-options";
const MOUNTED: readonly string[] = [
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "glusterfs",
  "nfs",
  "rbd",
  "quobyte",
  "iscsi",
  "cinder",
  "cephfs",
  "azureFile",
  "vsphereVolume",
  "azureDisk",
  "photonPersistentDisk",
];

/** The annotation is the old name of `spec.mountOptions`, and had its rule. */
function validateMountOptions({ metadata, spec = {} }: PersistentVolume): Causes {
  if (metadata.annotations?.[MOUNT_OPTIONS_ANNOTATION] === undefined) return NONE;
  if (Object.keys(sourcesOf(spec)).some((name) => MOUNTED.includes(name))) return NONE;
  const path = field.child("metadata.annotations", MOUNT_OPTIONS_ANNOTATION);
  return [field.forbidden(path, "may not specify mount options for this volume type")];
}

const STABLE_LABELS: Readonly<Record<string, string>> = {
  "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
  "beta.kubernetes.io/os": "kubernetes.io/os",
  "beta.kubernetes.io/arch": "kubernetes.io/arch",
  "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
};

/** Where a volume is does not change; labels of nodes have got new names since, which may be used instead. */
function nodeAffinityStays(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): Causes {
  const now = (spec.nodeAffinity?.required?.nodeSelectorTerms ?? []).map((t) => t.matchExpressions ?? []);
  const terms = old.nodeAffinity?.required?.nodeSelectorTerms.map((term, i) => ({
    ...term,
    matchExpressions: (term.matchExpressions ?? []).map((e, k) => {
      const key = now[i]?.[k]?.key;
      return key !== undefined && STABLE_LABELS[e.key] === key ? { ...e, key } : e;
    }),
  }));
  const before = { required: { nodeSelectorTerms: terms ?? [] } };
  if (semanticEqual(spec.nodeAffinity, before)) return NONE;
  const message = `${field.IMMUTABLE_MESSAGE}, except for updating from beta label to GA`;
  return [field.invalid("nodeAffinity", spec.nodeAffinity, message)];
}

function validateAttributesClass({ csi }: PersistentVolumeSpec, name: string): Causes {
  const path = "spec.volumeAttributesClassName";
  return [
    ...(name === ""
      ? [field.required(path, "an empty string is disallowed")]
      : obeys(isDns1123Subdomain, name, path)),
    ...(csi === undefined
      ? [field.required("spec.csi", "has to be specified when using volumeAttributesClassName")]
      : NONE),
  ];
}

function validateCapacity(capacity: Readonly<Record<string, string>>, path: string): Causes {
  const names = Object.keys(capacity);
  const onlyStorage = names.length === 1 && names[0] === "storage";
  return [
    ...(names.length === 0 ? [field.required(path)] : NONE),
    ...(onlyStorage ? NONE : [field.notSupported(path, capacity, ["storage"])]),
    ...Object.entries(capacity).flatMap(([name, value]) => validateSize(value, field.key(path, name))),
  ];
}

/** A recycler would wipe the machine. */
function recyclesRoot({ hostPath, persistentVolumeReclaimPolicy }: PersistentVolumeSpec): Causes {
  const isRoot = hostPath?.path !== undefined && /^\/(?:\.?\/)*\.?$/.test(hostPath.path);
  if (!isRoot || persistentVolumeReclaimPolicy !== "Recycle") return NONE;
  return [
    field.forbidden(
      specPath("persistentVolumeReclaimPolicy"),
      "may not be 'recycle' for a hostPath mount of '/'",
    ),
  ];
}

export function validatePersistentVolumeUpdate(pv: PersistentVolume, old: PersistentVolume): Causes {
  const [spec, before] = [pv.spec ?? {}, old.spec ?? {}];
  const [now, then] = [sourcesOf(withoutNewSecret(spec, before)), sourcesOf(before)];
  const message = "spec.persistentvolumesource is immutable after creation";
  return [
    ...(semanticEqual(now, then)
      ? NONE
      : [field.forbidden("spec.persistentvolumesource", `${message}\n${specDifference(then, now)}`)]),
    ...immutable(spec.volumeMode, before.volumeMode, "volumeMode"),
    ...(before.nodeAffinity === undefined ? NONE : nodeAffinityStays(spec, before)),
    ...(before.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined
      ? [field.forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden")]
      : NONE),
  ];
}

/** The secret for expansion may be added later. */
function withoutNewSecret(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): PersistentVolumeSpec {
  if (spec.csi === undefined || old.csi === undefined || old.csi.controllerExpandSecretRef !== undefined)
    return spec;
  const { controllerExpandSecretRef: _, ...csi } = spec.csi;
  return { ...spec, csi };
}
