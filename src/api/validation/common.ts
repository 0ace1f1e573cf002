/** Small rules that the validation of many kinds is made of. @module */
import { field, type NameRule, type StatusCause } from "#apimachinery";
import { semanticEqual } from "./semantic-equal.ts";

export type Causes = readonly StatusCause[];

export const NONE: Causes = [];

export const all: typeof field.all = field.all;

export function nonNegative(value: number | undefined, path: string): Causes {
  return value !== undefined && value < 0
    ? [field.invalid(path, value, "must be greater than or equal to 0")]
    : NONE;
}

export function positive(value: number, path: string): Causes {
  return value <= 0 ? [field.invalid(path, value, "must be greater than zero")] : NONE;
}

export function inRange(value: number, min: number, max: number, path: string): Causes {
  if (value >= min && value <= max) return NONE;
  return [field.invalid(path, value, `must be between ${min} and ${max}, inclusive`)];
}

/** Every message of a rule as a cause. */
export function obeys(rule: NameRule, value: string, path: string): Causes {
  return field.invalidFor(path, value, rule(value));
}

export function requiredName(rule: NameRule, value: string | undefined, path: string): Causes {
  return value ? obeys(rule, value, path) : [field.required(path)];
}

/** A closed set; empty means required. */
export function requiredOneOf(value: string | undefined, supported: readonly string[], path: string): Causes {
  return value ? oneOf(value, supported, path) : [field.required(path)];
}

/** A closed set; absent is fine. */
export function oneOf(value: string | undefined, supported: readonly string[], path: string): Causes {
  return value === undefined || supported.includes(value)
    ? NONE
    : [field.notSupported(path, value, supported)];
}

export function immutable(value: unknown, old: unknown, path: string): Causes {
  return semanticEqual(value, old) ? NONE : [field.invalid(path, value, field.IMMUTABLE_MESSAGE)];
}

/** Items whose key came before. */
export function duplicates<T>(
  items: readonly T[],
  key: (item: T) => string,
  path: (i: number) => string,
): Causes {
  if (items.length < 2) return NONE;
  const seen = new Set<string>();
  return items.flatMap((item, i) => {
    const own = key(item);
    if (seen.has(own)) return [field.duplicate(path(i), own)];
    seen.add(own);
    return [];
  });
}

/** The causes of every item, each told its own path. */
export function each<T>(
  items: readonly T[] | undefined,
  path: string,
  validate: (item: T, path: string, i: number) => Causes,
): Causes {
  if (items === undefined || items.length === 0) return NONE;
  let found = NONE;
  for (let i = 0; i < items.length; i++) {
    const causes = validate(items[i]!, field.index(path, i), i);
    if (causes.length > 0) found = all(found, causes);
  }
  return found;
}

/** "" when nothing is wrong with the path; else upstream's message. */
export function hasBacksteps(path: string): boolean {
  return path.includes("..") && path.split("/").includes("..");
}
