/** The values that expressions work with; ints are bigints, doubles are numbers. @module */
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  NULL,
  STRING,
  TIMESTAMP,
  UINT,
  listOf,
  mapOf,
  optionalOf,
  type CelType,
} from "./types.ts";

export type CelValue = null | boolean | bigint | number | string | object;

/** An evaluation that fails: what `&&`, `||` and the quantifiers may absorb. */
export class CelError extends Error {}

export function noSuchOverload(what = ""): CelError {
  return new CelError(what === "" ? "no such overload" : `no such overload: ${what}`);
}

export class Uint {
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = value;
  }
}

/** A point in time, as nanoseconds since 1970. */
export class Timestamp {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** A span of time, in nanoseconds. */
export class Duration {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** A type as a value: `type(1)`, `string`. */
export class TypeValue {
  readonly type: CelType;

  constructor(type: CelType) {
    this.type = type;
  }
}

export class Optional {
  static readonly none: Optional = new Optional(undefined);
  readonly value: CelValue | undefined;

  constructor(value: CelValue | undefined) {
    this.value = value;
  }
}

/** A value of a library's own type: a quantity, an address, an authorizer. */
export abstract class NamedValue {
  abstract readonly celType: CelType;
  abstract equals(other: NamedValue): boolean;
}

/** A map, or an object: what fields can be selected from. */
export abstract class MapValue {
  abstract readonly size: number;
  /** Undefined: there is none. */
  abstract find(key: CelValue): CelValue | undefined;
  abstract keys(): Iterable<CelValue>;

  get celType(): CelType {
    return mapOf(DYN, DYN);
  }

  /** Of a name: quicker, and for objects what their fields are called in expressions. */
  findField(name: string): CelValue | undefined {
    return this.find(name);
  }
}

/** Keys that are equal are the same key, whatever their numeric type. */
export function normalKey(key: CelValue): CelValue {
  if (key instanceof Uint) return key.value;
  return typeof key === "number" && Number.isInteger(key) ? BigInt(key) : key;
}

function keyName(key: CelValue): string {
  return typeof key === "string" ? key : `${key as bigint}`;
}

/** A map that an expression made. */
export class LiteralMap extends MapValue {
  readonly #entries: ReadonlyMap<CelValue, CelValue>;

  constructor(entries: ReadonlyMap<CelValue, CelValue>) {
    super();
    this.#entries = entries;
  }

  get size(): number {
    return this.#entries.size;
  }

  find(key: CelValue): CelValue | undefined {
    return this.#entries.get(normalKey(key));
  }

  keys(): Iterable<CelValue> {
    return this.#entries.keys();
  }

  /** Throws when the key is there already. */
  with(key: CelValue, value: CelValue): LiteralMap {
    const normal = normalKey(key);
    if (this.#entries.has(normal)) throw new CelError(`insert failed: key ${keyName(normal)} already exists`);
    return new LiteralMap(new Map(this.#entries).set(normal, value));
  }
}

/** An object that an expression made: `Object.spec{replicas: 1}`. */
export class StructValue extends MapValue {
  readonly #type: CelType;
  readonly #fields: ReadonlyMap<string, CelValue>;

  constructor(type: CelType, fields: ReadonlyMap<string, CelValue>) {
    super();
    this.#type = type;
    this.#fields = fields;
  }

  override get celType(): CelType {
    return this.#type;
  }

  get size(): number {
    return this.#fields.size;
  }

  find(key: CelValue): CelValue | undefined {
    return typeof key === "string" ? this.#fields.get(key) : undefined;
  }

  keys(): Iterable<CelValue> {
    return this.#fields.keys();
  }
}

const LIST_OF_DYN = listOf(DYN);
const OPTIONAL_OF_DYN = optionalOf(DYN);

/** The type of a value, as far as it shows. */
export function typeOfValue(value: CelValue): CelType {
  if (typeof value === "string") return STRING;
  if (typeof value === "bigint") return INT;
  if (typeof value === "boolean") return BOOL;
  if (typeof value === "number") return DOUBLE;
  return value === null ? NULL : typeOfObject(value);
}

function typeOfObject(value: object): CelType {
  if (Array.isArray(value)) return LIST_OF_DYN;
  if (value instanceof MapValue || value instanceof NamedValue) return value.celType;
  if (value instanceof Timestamp) return TIMESTAMP;
  if (value instanceof Duration) return DURATION;
  if (value instanceof Uint) return UINT;
  if (value instanceof Uint8Array) return BYTES;
  if (value instanceof Optional) return OPTIONAL_OF_DYN;
  if (value instanceof TypeValue) return { kind: "type", name: "type", params: [] };
  return DYN;
}

/** What `size()` gives, and what costs are counted by; undefined for what has no size. */
export function sizeOfValue(value: CelValue): number | undefined {
  if (typeof value === "string") return runeCount(value);
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length;
  return value instanceof MapValue ? value.size : undefined;
}

export function runeCount(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit < 0xdc00) {
      count--;
      i++;
    }
  }
  return count;
}
