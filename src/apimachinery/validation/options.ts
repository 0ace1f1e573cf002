/** Rules for the options of requests (metav1 CreateOptions, PatchOptions, DeleteOptions, ...). @module */
import type { StatusCause } from "../errors.ts";
import { byteLength } from "../text.ts";
import * as field from "./field-errors.ts";

export const FIELD_MANAGER_BYTES_MAX = 128;
const FIELD_VALIDATIONS = ["", "Ignore", "Strict", "Warn"];
const PROPAGATION_POLICIES = ["Foreground", "Background", "Orphan"];
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

export interface WriteRequestOptions {
  readonly fieldManager?: string;
  readonly dryRun?: readonly string[];
  readonly fieldValidation?: string;
}

export function validateWriteOptions(options: WriteRequestOptions): readonly StatusCause[] {
  return [
    ...validateFieldManager(options.fieldManager ?? "", "fieldManager"),
    ...validateDryRun(options.dryRun ?? []),
    ...validateFieldValidation(options.fieldValidation ?? ""),
  ];
}

/** `isApply`: server-side apply needs a manager, and only it may force. */
export function validatePatchOptions(
  options: WriteRequestOptions & { readonly force?: boolean },
  isApply: boolean,
): readonly StatusCause[] {
  const isNameless = isApply && (options.fieldManager ?? "") === "";
  const isForced = !isApply && options.force !== undefined;
  return [
    ...(isNameless ? [field.required("fieldManager", "is required for apply patch")] : []),
    ...(isForced ? [field.forbidden("force", "may not be specified for non-apply patch")] : []),
    ...validateWriteOptions(options),
  ];
}

export interface DeleteRequestOptions {
  readonly orphanDependents?: boolean;
  readonly propagationPolicy?: string;
  readonly dryRun?: readonly string[];
}

export function validateDeleteOptions(options: DeleteRequestOptions): readonly StatusCause[] {
  const { propagationPolicy, orphanDependents } = options;
  const causes: StatusCause[] = [];
  if (orphanDependents !== undefined && propagationPolicy !== undefined) {
    const detail = "orphanDependents and deletionPropagation cannot be both set";
    causes.push(field.invalid("propagationPolicy", propagationPolicy, detail));
  }
  if (propagationPolicy !== undefined && !PROPAGATION_POLICIES.includes(propagationPolicy)) {
    causes.push(field.notSupported("propagationPolicy", propagationPolicy, [...PROPAGATION_POLICIES, "nil"]));
  }
  return [...causes, ...validateDryRun(options.dryRun ?? [])];
}

/** At most 128 bytes, all printable. */
export function validateFieldManager(manager: string, path: string): readonly StatusCause[] {
  const causes: StatusCause[] = [];
  if (byteLength(manager) > FIELD_MANAGER_BYTES_MAX)
    causes.push(field.tooLong(path, FIELD_MANAGER_BYTES_MAX));
  let position = 0;
  for (const character of manager) {
    if (!PRINTABLE.test(character)) {
      const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
      causes.push(field.invalid(path, manager, `invalid character U+${code} (at position ${position})`));
    }
    position += byteLength(character);
  }
  return causes;
}

export function validateDryRun(dryRun: readonly string[]): readonly StatusCause[] {
  return dryRun.every((value) => value === "All") ? [] : [field.notSupported("dryRun", dryRun, ["All"])];
}

export function validateFieldValidation(value: string): readonly StatusCause[] {
  if (FIELD_VALIDATIONS.includes(value)) return [];
  return [field.notSupported("fieldValidation", value, FIELD_VALIDATIONS)];
}
