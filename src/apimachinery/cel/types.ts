/** The types of CEL, and their text as cel-go prints it. @module */

export type TypeKind =
  | "dyn"
  | "error"
  | "null"
  | "bool"
  | "int"
  | "uint"
  | "double"
  | "string"
  | "bytes"
  | "duration"
  | "timestamp"
  | "list"
  | "map"
  | "struct"
  | "opaque"
  | "type"
  | "param";

export interface CelType {
  readonly kind: TypeKind;
  readonly name: string;
  /** Of a list its items, of a map its keys and values, of an opaque type what it is made of. */
  readonly params: readonly CelType[];
}

function plain(kind: TypeKind, name: string = kind): CelType {
  return { kind, name, params: [] };
}

export const DYN: CelType = plain("dyn");
export const ERROR: CelType = plain("error");
export const NULL: CelType = plain("null", "null_type");
export const BOOL: CelType = plain("bool");
export const INT: CelType = plain("int");
export const UINT: CelType = plain("uint");
export const DOUBLE: CelType = plain("double");
export const STRING: CelType = plain("string");
export const BYTES: CelType = plain("bytes");
export const DURATION: CelType = plain("duration", "google.protobuf.Duration");
export const TIMESTAMP: CelType = plain("timestamp", "google.protobuf.Timestamp");

export function listOf(items: CelType): CelType {
  return { kind: "list", name: "list", params: [items] };
}

export function mapOf(keys: CelType, values: CelType): CelType {
  return { kind: "map", name: "map", params: [keys, values] };
}

export function optionalOf(value: CelType): CelType {
  return { kind: "opaque", name: "optional_type", params: [value] };
}

export function structOf(name: string): CelType {
  return plain("struct", name);
}

export function opaque(name: string): CelType {
  return plain("opaque", name);
}

export function typeParam(name: string): CelType {
  return plain("param", name);
}

/** The type of a type's name. */
export function typeOf(type: CelType): CelType {
  return { kind: "type", name: "type", params: [type] };
}

export function isOptional(type: CelType): boolean {
  return type.kind === "opaque" && type.name === "optional_type";
}

/** What an optional holds; the type itself when it is none. */
export function unwrapOptional(type: CelType): { readonly type: CelType; readonly wasOptional: boolean } {
  return isOptional(type) ? { type: type.params[0]!, wasOptional: true } : { type, wasOptional: false };
}

export function sameType(a: CelType, b: CelType): boolean {
  return (
    a === b ||
    (a.kind === b.kind &&
      a.name === b.name &&
      a.params.length === b.params.length &&
      a.params.every((param, i) => sameType(param, b.params[i]!)))
  );
}

const SHORT: Partial<Record<TypeKind, string>> = {
  error: "!error!",
  null: "null",
  duration: "duration",
  timestamp: "timestamp",
};

/** `list(string)`, `map(string, int)`, `Object.spec`. */
export function formatType(type: CelType): string {
  const short = SHORT[type.kind];
  if (short !== undefined) return short;
  return type.params.length === 0 ? type.name : `${type.name}(${type.params.map(formatType).join(", ")})`;
}

/** What a call was made with: `(int, string)`, `string.(int)`. */
export function formatSignature(args: readonly CelType[], isMember: boolean): string {
  const [target, ...rest] = args;
  if (isMember && target !== undefined) return `${formatType(target)}.(${rest.map(formatType).join(", ")})`;
  return `(${args.map(formatType).join(", ")})`;
}
