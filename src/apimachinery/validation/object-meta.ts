/** Rules for `metadata` that hold for every kind, on create and on update. @module */
import type { StatusCause } from "../errors.ts";
import type { Kind } from "../kind.ts";
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from "../meta.ts";
import {
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isPathSegmentName,
  isQualifiedName,
  type NameRule,
} from "../names.ts";
import { quote } from "../quote.ts";
import { byteLength, sorted } from "../text.ts";
import * as field from "./field-errors.ts";
import { validateFieldManager } from "./options.ts";
import { validateLabels } from "./labels.ts";

/** Bytes of all annotations' keys and values together. */
export const ANNOTATIONS_BYTES_MAX = 262_144;
const SUBRESOURCE_BYTES_MAX = 256;

export const FINALIZER_ORPHAN = "orphan";
export const FINALIZER_FOREGROUND = "foregroundDeletion";

const RULES: Readonly<Record<NonNullable<Kind["nameRule"]>, NameRule>> = {
  "dns-label": isDns1123Label,
  "dns-1035-label": isDns1035Label,
  "dns-subdomain": isDns1123Subdomain,
  "path-segment": isPathSegmentName,
};

/** The rule a kind declares for its names. */
export function nameRuleOf(kind: Pick<Kind, "nameRule">): NameRule {
  return RULES[kind.nameRule ?? "dns-subdomain"];
}

export interface ObjectMetaRules {
  readonly namespaced: boolean;
  readonly nameRule: NameRule;
}

/** On create, after a name was generated. */
export function validateObjectMeta(
  meta: ObjectMeta,
  rules: ObjectMetaRules,
  path = "metadata",
): readonly StatusCause[] {
  const namePath = field.child(path, "name");
  return field.all(
    validateGenerateName(meta.generateName ?? "", rules.nameRule, path),
    meta.name === undefined || meta.name === ""
      ? [field.required(namePath, "name or generateName is required")]
      : field.invalidFor(namePath, meta.name, rules.nameRule(meta.name)),
    validateNamespace(meta.namespace ?? "", rules.namespaced, field.child(path, "namespace")),
    validateNonnegative(meta.generation ?? 0, field.child(path, "generation")),
    validateLabels(meta.labels, field.child(path, "labels")),
    validateAnnotations(meta.annotations, field.child(path, "annotations")),
    validateOwnerReferences(meta.ownerReferences ?? [], field.child(path, "ownerReferences")),
    validateFinalizers(meta.finalizers ?? [], field.child(path, "finalizers")),
    validateManagedFields(meta.managedFields ?? [], field.child(path, "managedFields")),
  );
}

const IMMUTABLE = [
  "name",
  "namespace",
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;

/** On every update; `meta` already has what the registry carries over from `old`. */
export function validateObjectMetaUpdate(
  meta: ObjectMeta,
  old: ObjectMeta,
  path = "metadata",
): readonly StatusCause[] {
  const changed = IMMUTABLE.filter((name) => (meta[name] ?? "") !== (old[name] ?? ""));
  return field.all(
    old.deletionTimestamp === undefined ? [] : validateNoNewFinalizers(meta, old, path),
    meta.resourceVersion === undefined || meta.resourceVersion === ""
      ? [field.invalid(field.child(path, "resourceVersion"), "", "must be specified for an update")]
      : [],
    (meta.generation ?? 0) < (old.generation ?? 0)
      ? [field.invalid(field.child(path, "generation"), meta.generation ?? 0, "must not be decremented")]
      : [],
    changed.map((name) => field.invalid(field.child(path, name), meta[name], field.IMMUTABLE_MESSAGE)),
    validateLabels(meta.labels, field.child(path, "labels")),
    validateAnnotations(meta.annotations, field.child(path, "annotations")),
    validateOwnerReferences(meta.ownerReferences ?? [], field.child(path, "ownerReferences")),
    validateManagedFields(meta.managedFields ?? [], field.child(path, "managedFields")),
  );
}

export function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  path: string,
): readonly StatusCause[] {
  const entries = Object.entries(annotations ?? {});
  const size = entries.reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  return field.all(
    entries.flatMap(([key]) => field.invalidFor(path, key, isQualifiedName(key.toLowerCase()))),
    size > ANNOTATIONS_BYTES_MAX ? [field.tooLong(path, ANNOTATIONS_BYTES_MAX)] : [],
  );
}

export function validateNonnegative(value: number, path: string): readonly StatusCause[] {
  return value < 0 ? [field.invalid(path, value, "must be greater than or equal to 0")] : [];
}

/** "field is immutable" when the values differ; `isEqual` decides. */
export function validateImmutable(
  value: unknown,
  old: unknown,
  path: string,
  isEqual: (a: unknown, b: unknown) => boolean,
): readonly StatusCause[] {
  return isEqual(value, old) ? [] : [field.invalid(path, value, field.IMMUTABLE_MESSAGE)];
}

export function validateFinalizers(finalizers: readonly string[], path: string): readonly StatusCause[] {
  const both = finalizers.includes(FINALIZER_ORPHAN) && finalizers.includes(FINALIZER_FOREGROUND);
  const message = `finalizer ${FINALIZER_ORPHAN} and ${FINALIZER_FOREGROUND} cannot be both set`;
  return field.all(
    finalizers.flatMap((name) => isQualifiedName(name).map((why) => field.invalid(path, name, why))),
    both ? [field.invalid(path, finalizers, message)] : [],
  );
}

function validateGenerateName(base: string, rule: NameRule, path: string): readonly StatusCause[] {
  if (base === "") return [];
  // A suffix follows, so a dash may stand at the end. Upstream masks it exactly like this.
  const masked =
    base.length > 1 && base.endsWith("-") && rule !== isPathSegmentName ? `${base.slice(0, -2)}a` : base;
  return field.invalidFor(field.child(path, "generateName"), base, rule(masked));
}

function validateNamespace(namespace: string, namespaced: boolean, path: string): readonly StatusCause[] {
  if (!namespaced) return namespace === "" ? [] : [field.forbidden(path, "not allowed on this type")];
  if (namespace === "") return [field.required(path)];
  return isDns1123Label(namespace).map((message) => field.invalid(path, namespace, message));
}

function validateOwnerReferences(
  references: readonly OwnerReference[],
  path: string,
): readonly StatusCause[] {
  const causes: StatusCause[] = [];
  let controller: string | undefined;
  for (const reference of references) {
    causes.push(...validateOwnerReference(reference, path));
    if (reference.controller !== true) continue;
    const name = `${reference.kind}/${reference.name}`;
    if (controller === undefined) controller = name;
    else {
      const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`;
      causes.push(field.invalid(path, references, detail));
    }
  }
  return causes;
}

function validateOwnerReference(reference: OwnerReference, path: string): readonly StatusCause[] {
  const version = reference.apiVersion?.split("/").at(-1) ?? "";
  const causes: StatusCause[] = [];
  if (version === "") {
    causes.push(
      field.invalid(field.child(path, "apiVersion"), reference.apiVersion ?? "", "version must not be empty"),
    );
  }
  for (const name of ["kind", "name", "uid"] as const) {
    if ((reference[name] ?? "") === "")
      causes.push(field.invalid(field.child(path, name), "", "must not be empty"));
  }
  if (reference.apiVersion === "v1" && reference.kind === "Event") {
    causes.push(field.invalid(path, reference, "/v1, Kind=Event is disallowed from being an owner"));
  }
  return causes;
}

function validateNoNewFinalizers(meta: ObjectMeta, old: ObjectMeta, path: string): readonly StatusCause[] {
  const extra = sorted((meta.finalizers ?? []).filter((name) => !(old.finalizers ?? []).includes(name)));
  if (extra.length === 0) return [];
  const list = `[]string{${extra.map(quote).join(", ")}}`;
  const detail = `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`;
  return [field.forbidden(field.child(path, "finalizers"), detail)];
}

function validateManagedFields(entries: readonly ManagedFieldsEntry[], path: string): readonly StatusCause[] {
  return entries.flatMap((entry, i) => {
    const at = field.index(path, i);
    const isKnown = entry.operation === "Apply" || entry.operation === "Update";
    const isFieldsV1 = entry.fieldsType === undefined || (entry.fieldsType as string) === "FieldsV1";
    const isTooLong = byteLength(entry.subresource ?? "") > SUBRESOURCE_BYTES_MAX;
    return field.all(
      isKnown
        ? []
        : [field.invalid(field.child(at, "operation"), entry.operation ?? "", "must be `Apply` or `Update`")],
      isFieldsV1
        ? []
        : [field.invalid(field.child(at, "fieldsType"), entry.fieldsType, "must be `FieldsV1`")],
      validateFieldManager(entry.manager ?? "", field.child(at, "manager")),
      isTooLong ? [field.tooLong(field.child(at, "subresource"), SUBRESOURCE_BYTES_MAX)] : [],
    );
  });
}
