/** Rules for PersistentVolumeClaims. @module */
import { compareAmounts, field, isQualifiedName, parseQuantity, quantityValue } from "#apimachinery";
import { claimRules, validateClaimSpec } from "../../validation/claim-spec.ts";
import { immutable, NONE, obeys, type Causes } from "../../validation/common.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { CLASS_ANNOTATION } from "./storage-class-name.ts";
import { specDifference } from "./spec-difference.ts";
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from "./types.gen.ts";

const SIZE_PATH = "spec.resources.requests.storage";
const ATTRIBUTES_PATH = "spec.volumeAttributesClassName";
const IMMUTABLE_MESSAGE =
  "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

export function validatePersistentVolumeClaim(
  { spec = {} }: PersistentVolumeClaim,
  old?: PersistentVolumeClaim,
): Causes {
  return validateClaimSpec(spec, "spec", claimRules(old?.spec));
}

export function validatePersistentVolumeClaimUpdate(
  pvc: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
): Causes {
  const [spec, before] = [pvc.spec ?? {}, old.spec ?? {}];
  const {
    now,
    before: then,
    causes,
  } = classChange(pvc, old, withAllowed(pvc, spec, before), withVolume(before, spec));
  return [
    ...causes,
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
  const { volumeAttributesClassName, ...rest } = spec;
  const attributes = bound ? before.volumeAttributesClassName : volumeAttributesClassName;
  const size = before.resources?.requests?.["storage"];
  const requests = spec.resources?.requests;
  return {
    ...rest,
    ...(attributes !== undefined && { volumeAttributesClassName: attributes }),
    ...(bound &&
      requests !== undefined &&
      size !== undefined && {
        resources: { ...spec.resources, requests: { ...requests, storage: size } },
      }),
  };
}

interface ClassChange {
  readonly now: PersistentVolumeClaimSpec;
  readonly before: PersistentVolumeClaimSpec;
  readonly causes: Causes;
}

/** A class stays, but for two ways to get one: from the old annotation, and where there was none. */
function classChange(
  pvc: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
  now: PersistentVolumeClaimSpec,
  then: PersistentVolumeClaimSpec,
): ClassChange {
  const annotation = pvc.metadata.annotations?.[CLASS_ANNOTATION];
  const annotated = old.metadata.annotations?.[CLASS_ANNOTATION];
  const [name, before] = [now.storageClassName, then.storageClassName];
  const isFirst = before === undefined && name !== undefined;
  const settled = isFirst ? without(now) : now;
  if (annotated !== undefined && isFirst && name === annotated && (annotation ?? annotated) === annotated) {
    return { now: settled, before: then, causes: NONE };
  }
  const path = `metadata.annotations.${CLASS_ANNOTATION}`;
  const causes =
    (annotation ?? "") === (annotated ?? "")
      ? NONE
      : [field.invalid(path, annotation ?? "", field.IMMUTABLE_MESSAGE)];
  const mayBeSet = isFirst && (annotated === undefined || name === annotated);
  return { now: mayBeSet ? settled : now, before: then, causes };
}

function without({ storageClassName: _name, ...spec }: PersistentVolumeClaimSpec): PersistentVolumeClaimSpec {
  return spec;
}

/** A volume never shrinks; a claim may give up an expansion that has not happened (KEP-1790). */
function validateSize(pvc: PersistentVolumeClaim, old: PersistentVolumeClaim): Causes {
  const size = pvc.spec?.resources?.requests?.["storage"];
  const before = old.spec?.resources?.requests?.["storage"];
  if (size === undefined || before === undefined) return NONE;
  if (compareAmounts(size, before) >= 0) return NONE;
  const actual = old.status?.capacity?.["storage"] ?? "0";
  if (compareAmounts(size, actual) > 0) return NONE;
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

const RESIZE_STATUSES: readonly string[] = [
  "ControllerResizeInProgress",
  "ControllerResizeInfeasible",
  "NodeResizePending",
  "NodeResizeInProgress",
  "NodeResizeInfeasible",
].toSorted();

export function validatePersistentVolumeClaimStatusUpdate({
  spec,
  status = {},
}: PersistentVolumeClaim): Causes {
  const { capacity = {}, allocatedResourceStatuses = {}, allocatedResources = {} } = status;
  const statusesPath = "status.allocatedResourceStatuses";
  const allocatedPath = "status.allocatedResources";
  return [
    ...((spec?.accessModes?.length ?? 0) === 0 ? [field.required("Spec.accessModes")] : NONE),
    ...Object.entries(capacity).flatMap(([name, value]) =>
      validateBasic(value, field.key("status.capacity", name)),
    ),
    ...Object.entries(allocatedResourceStatuses).flatMap(([name, value]) => [
      ...validateResourceKey(name, statusesPath),
      ...(RESIZE_STATUSES.includes(value) ? NONE : [field.notSupported(statusesPath, name, RESIZE_STATUSES)]),
    ]),
    ...Object.entries(allocatedResources).flatMap(([name, value]) => {
      const ofKey = validateResourceKey(name, allocatedPath);
      return ofKey.length > 0 ? ofKey : validateBasic(value, field.key(allocatedPath, name));
    }),
  ];
}

function validateBasic(text: string, path: string): Causes {
  const value = quantityValue(parseQuantity(text));
  return value < 0 ? [field.invalid(path, value, "must be a valid resource quantity")] : NONE;
}

/** The system's own resources are storage alone. */
function validateResourceKey(name: string, path: string): Causes {
  const causes = obeys(isQualifiedName, name, path);
  const isNative = !name.includes("/") || name.includes("kubernetes.io/");
  if (causes.length > 0 || !isNative || name === "storage") return causes;
  return [field.notSupported(path, name, ["storage"])];
}
