/**
 * Paths and validation causes in upstream's wording. Used as a namespace, like upstream's package:
 * `import { field } from "#apimachinery"`, then `field.required(field.child("spec", "replicas"))`.
 * @module
 */
import type { CauseType, StatusCause } from "../errors.ts";
import { quote } from "../quote.ts";

/** `child("spec", "replicas")` is `spec.replicas`; an empty parent is the root. */
export function child(parent: string, name: string, ...more: readonly string[]): string {
  const rest = more.length === 0 ? name : `${name}.${more.join(".")}`;
  return parent === "" ? rest : `${parent}.${rest}`;
}

/** `spec.containers[0]`. */
export function index(parent: string, i: number): string {
  return `${parent}[${i}]`;
}

/** `metadata.annotations[example.com/x]`. */
export function key(parent: string, name: string): string {
  return `${parent}[${name}]`;
}

const NONE: readonly StatusCause[] = [];

/** The causes of several rules, in order. Almost always there are none at all, and then nothing is made. */
export function all(...parts: readonly (readonly StatusCause[])[]): readonly StatusCause[] {
  let found = NONE;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (part.length > 0) found = found.length === 0 ? part : [...found, ...part];
  }
  return found;
}

/** A message for each thing that is wrong with a value, as causes. */
export function invalidFor(
  field: string,
  value: unknown,
  messages: readonly string[],
): readonly StatusCause[] {
  return messages.length === 0 ? NONE : messages.map((message) => invalid(field, value, message));
}

export function required(field: string, detail = ""): StatusCause {
  return cause("FieldValueRequired", field, "Required value", detail);
}

export function invalid(field: string, value: unknown, detail: string): StatusCause {
  return cause("FieldValueInvalid", field, `Invalid value: ${show(value)}`, detail);
}

/** Upstream's `OmitValueType`: the value is long, or says nothing. */
export function invalidUnshown(field: string, detail: string): StatusCause {
  return { reason: "FieldValueInvalid", field, message: `Invalid value: ${detail}` };
}

/** The value has another JSON type than the field. */
export function typeInvalid(field: string, value: unknown, detail: string): StatusCause {
  return cause("FieldValueTypeInvalid", field, `Invalid value: ${show(value)}`, detail);
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): StatusCause {
  const detail = supported.length === 0 ? "" : `supported values: ${supported.map(quote).join(", ")}`;
  return cause("FieldValueNotSupported", field, `Unsupported value: ${show(value)}`, detail);
}

export function forbidden(field: string, detail: string): StatusCause {
  return cause("FieldValueForbidden", field, "Forbidden", detail);
}

export function duplicate(field: string, value: unknown): StatusCause {
  return cause("FieldValueDuplicate", field, `Duplicate value: ${show(value)}`, "");
}

export function notFound(field: string, value: unknown): StatusCause {
  return cause("FieldValueNotFound", field, `Not found: ${show(value)}`, "");
}

/** A negative `maxBytes` leaves the limit out of the message. */
export function tooLong(field: string, maxBytes: number): StatusCause {
  return cause(
    "FieldValueTooLong",
    field,
    "Too long",
    limitOf("may not be more than", maxBytes, "byte", "value is too long"),
  );
}

export function tooLongCharacters(field: string, maxCharacters: number): StatusCause {
  const detail = limitOf("may not be more than", maxCharacters, "character", "value is too long");
  return cause("FieldValueTooLong", field, "Too long", detail);
}

/** A negative `actual` leaves the number out of the message. */
export function tooMany(field: string, actual: number, max: number): StatusCause {
  const detail = limitOf("must have at most", max, "item", "has too many items");
  return cause("FieldValueTooMany", field, actual < 0 ? "Too many" : `Too many: ${actual}`, detail);
}

/** A negative `actual` leaves the number out of the message. */
export function tooFew(field: string, actual: number, min: number): StatusCause {
  const detail = limitOf("must have at least", min, "item", "has too few items");
  return cause("FieldValueTooFew", field, actual < 0 ? "Too few" : `Too few: ${actual}`, detail);
}

export function tooShort(field: string, minCharacters: number): StatusCause {
  const detail = limitOf("must be at least", minCharacters, "character", "value is too short");
  return cause("FieldValueTooShort", field, "Too short", detail);
}

export function internalError(field: string, message: string): StatusCause {
  return cause("InternalError", field, "Internal error", message);
}

/** Upstream's message when a field that may not change did. */
export const IMMUTABLE_MESSAGE = "field is immutable";

function cause(reason: CauseType, field: string, body: string, detail: string): StatusCause {
  return { reason, field, message: detail === "" ? body : `${body}: ${detail}` };
}

function limitOf(words: string, max: number, unit: string, unbounded: string): string {
  return max < 0 ? unbounded : `${words} ${max} ${unit}${max === 1 ? "" : "s"}`;
}

/** Strings as Go quotes them, everything else as JSON. */
function show(value: unknown): string {
  if (typeof value === "string") return quote(value);
  return value === undefined ? "null" : JSON.stringify(value);
}
