/** What the API server warns about in PersistentVolumeClaims. @module */
import { canonicalQuantity, field, isIntegerQuantity, parseQuantity, quote } from "#apimachinery";
import { CLASS_ANNOTATION } from "./storage-class-name.ts";
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from "./types.gen.ts";

export const CLASS_MESSAGE = 'deprecated since v1.8; use "storageClassName" attribute instead';

export function warningsForClaim({ metadata, spec }: PersistentVolumeClaim): readonly string[] {
  return [
    ...(metadata.annotations?.[CLASS_ANNOTATION] === undefined
      ? []
      : [`${field.key("metadata.annotations", CLASS_ANNOTATION)}: ${CLASS_MESSAGE}`]),
    ...warningsForClaimSpec(spec, "spec"),
  ];
}

/** Bytes are whole. */
export function warningsForClaimSpec(
  spec: PersistentVolumeClaimSpec | undefined,
  path: string,
): readonly string[] {
  return (["requests", "limits"] as const).flatMap((list) => {
    const value = spec?.resources?.[list]?.["storage"];
    if (value === undefined || isIntegerQuantity(parseQuantity(value))) return [];
    const at = field.key(field.child(path, "resources", list), "storage");
    const shown = quote(canonicalQuantity(value));
    return [`${at}: fractional byte value ${shown} is invalid, must be an integer`];
  });
}
