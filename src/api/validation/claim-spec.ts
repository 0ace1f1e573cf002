/** What a PersistentVolumeClaim asks for; shared with the templates of stateful sets and ephemeral volumes. @module */
import {
  field,
  isDns1123Subdomain,
  parseQuantity,
  signOf,
  validateAnnotations,
  validateLabels,
  validateLabelSelector,
} from "#apimachinery";
import { ACCESS_MODES } from "../core/v1/access-modes.ts";
import type { PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate } from "../core/v1/types.gen.ts";
import { all, each, NONE, obeys, oneOf, type Causes } from "./common.ts";

export const VOLUME_MODES: readonly string[] = ["Block", "Filesystem"];

export function validateClaimTemplate(template: PersistentVolumeClaimTemplate, path: string): Causes {
  return all(
    validateAnnotations(template.metadata?.annotations, field.child(path, "metadata", "annotations")),
    validateLabels(template.metadata?.labels, field.child(path, "metadata", "labels")),
    validateClaimSpec(template.spec, field.child(path, "spec")),
  );
}

export function validateClaimSpec(spec: PersistentVolumeClaimSpec, path: string): Causes {
  const at = (name: string): string => field.child(path, name);
  const { storageClassName: storageClass, volumeAttributesClassName: attributesClass } = spec;
  return all(
    (spec.accessModes?.length ?? 0) === 0
      ? [field.required(at("accessModes"), "at least 1 access mode is required")]
      : NONE,
    validateLabelSelector(spec.selector, at("selector")),
    validateAccessModes(spec.accessModes, at("accessModes")),
    validateStorageRequest(spec, path),
    storageClass ? obeys(isDns1123Subdomain, storageClass, at("storageClassName")) : NONE,
    oneOf(spec.volumeMode, VOLUME_MODES, at("volumeMode")),
    validateDataSources(spec, path),
    attributesClass ? obeys(isDns1123Subdomain, attributesClass, at("volumeAttributesClassName")) : NONE,
  );
}

/** ReadWriteOncePod excludes the others. */
export function validateAccessModes(modes: readonly string[] | undefined, path: string): Causes {
  const exclusive = modes?.includes("ReadWriteOncePod") === true && new Set(modes).size > 1;
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
  return [field.invalid(at, storage, "must be greater than zero")];
}

function validateDataSources(spec: PersistentVolumeClaimSpec, path: string): Causes {
  const { dataSource, dataSourceRef } = spec;
  return all(
    each(dataSource === undefined ? [] : [dataSource], "", (source) =>
      validateReference(source, field.child(path, "dataSource")),
    ),
    each(dataSourceRef === undefined ? [] : [dataSourceRef], "", (source) =>
      validateReference(source, field.child(path, "dataSourceRef")),
    ),
  );
}

interface Reference {
  readonly apiGroup?: string;
  readonly kind: string;
  readonly name: string;
}

function validateReference({ apiGroup = "", kind, name }: Reference, path: string): Causes {
  return all(
    name === "" ? [field.required(field.child(path, "name"))] : NONE,
    kind === "" ? [field.required(field.child(path, "kind"))] : NONE,
    apiGroup === "" && kind !== "PersistentVolumeClaim"
      ? [field.invalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup")]
      : NONE,
    apiGroup === "" ? NONE : obeys(isDns1123Subdomain, apiGroup, field.child(path, "apiGroup")),
  );
}
