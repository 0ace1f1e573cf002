/** Numbers that may be written as a percentage. @module */
import { field, isPercent, type IntOrString } from "#apimachinery";
import { NONE, nonNegative, type Causes } from "./common.ts";

export function validateIntOrPercent(value: IntOrString | undefined, path: string): Causes {
  if (value === undefined) return NONE;
  if (typeof value === "number") return nonNegative(value, path);
  return field.invalidFor(path, value, isPercent(value));
}

export function notMoreThanAll(value: IntOrString | undefined, path: string): Causes {
  const tooMuch =
    typeof value === "string" && isPercent(value).length === 0 && Number.parseInt(value, 10) > 100;
  return tooMuch ? [field.invalid(path, value, "must not be greater than 100%")] : NONE;
}

export function isZero(value: IntOrString | undefined): boolean {
  if (value === undefined || typeof value === "number") return (value ?? 0) === 0;
  return Number.parseInt(value, 10) === 0;
}
