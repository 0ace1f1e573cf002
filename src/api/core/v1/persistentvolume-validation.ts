/** Rules for PersistentVolumes. @module */
import { field, isDns1123Subdomain, parseQuantity, signOf } from "#apimachinery";
import { validateAccessModes, VOLUME_MODES } from "../../validation/claim-spec.ts";
import { hasBacksteps, immutable, NONE, obeys, oneOf, type Causes } from "../../validation/common.ts";
import { validateNodeSelector } from "../../validation/node-selector.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { REQUIRED_SOURCE_FIELDS } from "../../validation/volume-sources.ts";
import { specDifference } from "./spec-difference.ts";
import type { PersistentVolume, PersistentVolumeSpec } from "./types.gen.ts";

const SOURCES = ["hostPath", ...Object.keys(REQUIRED_SOURCE_FIELDS)];
/** Fields that only persistent sources demand. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  ...REQUIRED_SOURCE_FIELDS,
  hostPath: ["path"],
  csi: ["driver", "volumeHandle"],
};

export function validatePersistentVolume({ spec = {} }: PersistentVolume): Causes {
  const { storageClassName, volumeAttributesClassName, nodeAffinity } = spec;
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
        : validateNodeSelector(nodeAffinity.required, field.child(specPath("nodeAffinity"), "required"))),
    ...validateSource(spec),
    ...(storageClassName ? obeys(isDns1123Subdomain, storageClassName, specPath("storageClassName")) : NONE),
    ...oneOf(spec.volumeMode, VOLUME_MODES, specPath("volumeMode")),
    ...(volumeAttributesClassName === undefined
      ? NONE
      : validateAttributesClass(spec, volumeAttributesClassName)),
  ];
}

const specPath = (name: string): string => field.child("spec", name);

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
    ...Object.entries(capacity).flatMap(([name, value]) =>
      signOf(parseQuantity(value)) > 0
        ? []
        : [field.invalid(field.key(path, name), value, "must be greater than zero")],
    ),
  ];
}

function sourceOf(spec: PersistentVolumeSpec): readonly (readonly [name: string, source: object])[] {
  return Object.entries(spec).filter(([name, value]) => SOURCES.includes(name) && value !== undefined);
}

function validateSource(spec: PersistentVolumeSpec): Causes {
  const [first, ...more] = sourceOf(spec);
  if (first === undefined) return [field.required("spec", "must specify a volume type")];
  const [type, source] = first;
  const values = source as Readonly<Record<string, unknown>>;
  const path = field.child("spec", type);
  const missing = (REQUIRED[type] ?? []).filter((name) => {
    const value = values[name];
    return value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
  });
  const target = spec.hostPath?.path ?? "";
  const recyclesRoot = spec.persistentVolumeReclaimPolicy === "Recycle" && /^\/+$/.test(target);
  return [
    ...missing.map((name) => field.required(field.child(path, name))),
    ...(type === "hostPath" && hasBacksteps(target)
      ? [field.invalid(field.child(path, "path"), target, "must not contain '..'")]
      : NONE),
    ...(type === "local" && spec.nodeAffinity === undefined
      ? [field.required("metadata.annotations", "Local volume requires node affinity")]
      : NONE),
    ...more.map(([name]) =>
      field.forbidden(field.child("spec", name), "may not specify more than 1 volume type"),
    ),
    ...(recyclesRoot
      ? [
          field.forbidden(
            "spec.persistentVolumeReclaimPolicy",
            "may not be 'recycle' for a hostPath mount of '/'",
          ),
        ]
      : NONE),
  ];
}

export function validatePersistentVolumeUpdate(pv: PersistentVolume, old: PersistentVolume): Causes {
  const [spec, before] = [pv.spec ?? {}, old.spec ?? {}];
  const [now, then] = [
    Object.fromEntries(sourceOf(withoutNewSecret(spec, before))),
    Object.fromEntries(sourceOf(before)),
  ];
  const message = "spec.persistentvolumesource is immutable after creation";
  return [
    ...(semanticEqual(now, then)
      ? NONE
      : [field.forbidden("spec.persistentvolumesource", `${message}\n${specDifference(then, now)}`)]),
    ...immutable(spec.volumeMode, before.volumeMode, "volumeMode"),
    ...(before.nodeAffinity === undefined
      ? NONE
      : immutable(spec.nodeAffinity, before.nodeAffinity, "nodeAffinity")),
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
