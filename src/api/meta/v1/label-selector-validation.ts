/** Selectors that were stored before their values were checked keep them. @module */
import { validateLabelSelector } from "#apimachinery";
import { NONE, type Causes } from "../../validation/common.ts";
import type { LabelSelector } from "./types.gen.ts";

const OF_VALUE = /\.matchExpressions\[\d+\]\.values\[\d+\]$/;

/** `allowInvalidValues`: the stored selector, as a whole, is not valid. */
export function validateSelector(
  selector: LabelSelector | undefined,
  path: string,
  allowInvalidValues: boolean,
): Causes {
  const causes = validateLabelSelector(selector, path);
  return allowInvalidValues ? causes.filter((cause) => !OF_VALUE.test(cause.field)) : causes;
}

export function isValidSelector(selector: LabelSelector | undefined): boolean {
  return (selector === undefined ? NONE : validateLabelSelector(selector, "")).length === 0;
}
