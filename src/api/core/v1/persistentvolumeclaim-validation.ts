/** Rules for PersistentVolumeClaims. @module */
import { compareQuantity, field, parseQuantity } from "#apimachinery";
import { validateClaimSpec } from "../../validation/claim-spec.ts";
import { immutable, NONE, type Causes } from "../../validation/common.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { specDifference } from "./spec-difference.ts";
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from "./types.gen.ts";

const CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class";
const SIZE_PATH = "spec.resources.requests.storage";
const ATTRIBUTES_PATH = "spec.volumeAttributesClassName";
const IMMUTABLE_MESSAGE =
  "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

export function validatePersistentVolumeClaim({ spec = {} }: PersistentVolumeClaim): Causes {
  return validateClaimSpec(spec, "spec");
}

export function validatePersistentVolumeClaimUpdate(
  pvc: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
): Causes {
  const [spec, before] = [pvc.spec ?? {}, old.spec ?? {}];
  const [now, then] = [withAllowed(pvc, spec, before), withVolume(before, spec)];
  return [
    ...(semanticEqual(now, then)
      ? NONE
      : [field.forbidden("spec", `${IMMUTABLE_MESSAGE}\n${specDifference(then, now)}`)]),
    ...validateSize(pvc, old),
    ...immutable(spec.volumeMode, before.volumeMode, "volumeMode"),
    ...validateAttributesClass(spec, before, old),
  ];
}

/** The controller binds a claim by naming its volume, once. */
function withVolume(
  before: PersistentVolumeClaimSpec,
  spec: PersistentVolumeClaimSpec,
): PersistentVolumeClaimSpec {
  return before.volumeName || spec.volumeName === undefined
    ? before
    : { ...before, volumeName: spec.volumeName };
}

/** The new spec with what may change put back. */
function withAllowed(
  pvc: PersistentVolumeClaim,
  spec: PersistentVolumeClaimSpec,
  before: PersistentVolumeClaimSpec,
): PersistentVolumeClaimSpec {
  const bound = pvc.status?.phase === "Bound";
  const defaulted =
    before.storageClassName === undefined && pvc.metadata.annotations?.[CLASS_ANNOTATION] === undefined;
  const { storageClassName, volumeAttributesClassName, ...rest } = spec;
  const attributes = bound ? before.volumeAttributesClassName : volumeAttributesClassName;
  const size = before.resources?.requests?.["storage"];
  const requests = spec.resources?.requests;
  return {
    ...rest,
    ...(!defaulted && storageClassName !== undefined && { storageClassName }),
    ...(attributes !== undefined && { volumeAttributesClassName: attributes }),
    ...(bound &&
      requests !== undefined &&
      size !== undefined && {
        resources: { ...spec.resources, requests: { ...requests, storage: size } },
      }),
  };
}

/** A volume never shrinks; a claim may give up an expansion that has not happened (KEP-1790). */
function validateSize(pvc: PersistentVolumeClaim, old: PersistentVolumeClaim): Causes {
  const size = pvc.spec?.resources?.requests?.["storage"];
  const before = old.spec?.resources?.requests?.["storage"];
  if (size === undefined || before === undefined) return NONE;
  if (compareQuantity(parseQuantity(size), parseQuantity(before)) >= 0) return NONE;
  const actual = old.status?.capacity?.["storage"] ?? "0";
  if (compareQuantity(parseQuantity(size), parseQuantity(actual)) > 0) return NONE;
  return [field.forbidden(SIZE_PATH, "field can not be less than status.capacity")];
}

function validateAttributesClass(
  { volumeAttributesClassName: now }: PersistentVolumeClaimSpec,
  { volumeAttributesClassName: before }: PersistentVolumeClaimSpec,
  old: PersistentVolumeClaim,
): Causes {
  if (now === before || old.status?.currentVolumeAttributesClassName === undefined || now) return NONE;
  const to = now === undefined ? "nil" : "empty string";
  const message = `update to ${to} is forbidden when status.currentVolumeAttributesClassName is not nil`;
  return [field.forbidden(ATTRIBUTES_PATH, message)];
}
