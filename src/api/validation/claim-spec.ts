/** What a PersistentVolumeClaim asks for; shared with the templates of stateful sets and ephemeral volumes. @module */
import {
  canonicalQuantity,
  field,
  isDns1123Label,
  isDns1123Subdomain,
  parseQuantity,
  signOf,
  validateAnnotations,
  validateLabels,
  validateLabelSelector,
} from "#apimachinery";
import { ACCESS_MODES } from "../core/v1/access-modes.ts";
import type { PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate } from "../core/v1/types.gen.ts";
import { all, NONE, obeys, oneOf, type Causes } from "./common.ts";

export const VOLUME_MODES: readonly string[] = ["Block", "Filesystem"];

export function validateClaimTemplate(template: PersistentVolumeClaimTemplate, path: string): Causes {
  return all(
    validateAnnotations(template.metadata?.annotations, field.child(path, "metadata", "annotations")),
    validateLabels(template.metadata?.labels, field.child(path, "metadata", "labels")),
    Object.keys(template.metadata ?? {})
      .filter((name) => name !== "annotations" && name !== "labels")
      .map((name) => field.forbidden(field.child(path, "metadata", name), "cannot be set")),
    validateClaimSpec(template.spec, field.child(path, "spec")),
  );
}

/** What stored claims got away with. */
export interface ClaimRules {
  readonly anySelectorValue?: boolean;
  readonly anyApiGroup?: boolean;
}

export function claimRules(old: PersistentVolumeClaimSpec | undefined): ClaimRules {
  if (old === undefined) return {};
  return {
    anySelectorValue: validateLabelSelector(old.selector, "").length > 0,
    anyApiGroup: old.dataSource?.apiGroup !== undefined || old.dataSourceRef?.apiGroup !== undefined,
  };
}

export function validateClaimSpec(
  spec: PersistentVolumeClaimSpec,
  path: string,
  rules: ClaimRules = {},
): Causes {
  const at = (name: string): string => field.child(path, name);
  const { storageClassName: storageClass, volumeAttributesClassName: attributesClass } = spec;
  return all(
    (spec.accessModes?.length ?? 0) === 0
      ? [field.required(at("accessModes"), "at least 1 access mode is required")]
      : NONE,
    validateLabelSelector(spec.selector, at("selector"), rules.anySelectorValue),
    validateAccessModes(spec.accessModes, at("accessModes")),
    validateStorageRequest(spec, path),
    storageClass ? obeys(isDns1123Subdomain, storageClass, at("storageClassName")) : NONE,
    oneOf(spec.volumeMode, VOLUME_MODES, at("volumeMode")),
    validateDataSources(spec, path, rules.anyApiGroup === true),
    attributesClass ? obeys(isDns1123Subdomain, attributesClass, at("volumeAttributesClassName")) : NONE,
  );
}

/** ReadWriteOncePod excludes the others. */
export function validateAccessModes(modes: readonly string[] | undefined, path: string): Causes {
  const others = (modes ?? []).filter((mode) => mode !== "ReadWriteOncePod" && ACCESS_MODES.includes(mode));
  const exclusive = modes?.includes("ReadWriteOncePod") === true && others.length > 0;
  return all(
    (modes ?? []).flatMap((mode) =>
      ACCESS_MODES.includes(mode) ? [] : [field.notSupported(path, mode, ACCESS_MODES.toSorted())],
    ),
    exclusive ? [field.forbidden(path, "may not use ReadWriteOncePod with other access modes")] : NONE,
  );
}

function validateStorageRequest(spec: PersistentVolumeClaimSpec, path: string): Causes {
  const storage = spec.resources?.requests?.["storage"];
  if (storage === undefined) return [field.required(field.key(field.child(path, "resources"), "storage"))];
  if (signOf(parseQuantity(storage)) > 0) return NONE;
  const at = field.key(field.child(path, "resources"), "storage");
  return [field.invalid(at, canonicalQuantity(storage), "must be greater than zero")];
}

function validateDataSources(spec: PersistentVolumeClaimSpec, path: string, anyApiGroup: boolean): Causes {
  const { dataSource, dataSourceRef: ref } = spec;
  // Upstream shows the path of the field as its value.
  const shown = field.child(path, "dataSource");
  const isForeign = (ref?.namespace ?? "") !== "";
  const conflict =
    dataSource === undefined || ref === undefined
      ? NONE
      : isForeign
        ? [field.invalid(path, shown, "may not be specified when dataSourceRef.namespace is specified")]
        : isSame(dataSource, ref)
          ? NONE
          : [field.invalid(path, shown, "must match dataSourceRef")];
  return all(
    dataSource === undefined ? NONE : validateReference(dataSource, shown, anyApiGroup),
    ref === undefined ? NONE : validateReference(ref, field.child(path, "dataSourceRef"), anyApiGroup),
    ref?.namespace
      ? obeys(isDns1123Label, ref.namespace, field.child(path, "dataSourceRef", "namespace"))
      : NONE,
    conflict,
  );
}

interface Reference {
  readonly apiGroup?: string;
  readonly kind: string;
  readonly name: string;
}

const isSame = (a: Reference, b: Reference): boolean =>
  a.apiGroup === b.apiGroup && a.kind === b.kind && a.name === b.name;

function validateReference(
  { apiGroup = "", kind, name }: Reference,
  path: string,
  anyApiGroup: boolean,
): Causes {
  return all(
    name === "" ? [field.required(field.child(path, "name"))] : NONE,
    kind === "" ? [field.required(field.child(path, "kind"))] : NONE,
    apiGroup === "" && kind !== "PersistentVolumeClaim"
      ? [field.invalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup")]
      : NONE,
    apiGroup === "" || anyApiGroup
      ? NONE
      : obeys(isDns1123Subdomain, apiGroup, field.child(path, "apiGroup")),
  );
}
