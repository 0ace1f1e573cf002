/** JSON as values: nothing is converted before an expression looks at it. @module */
import { isJsonObject, put, type JsonObject, type MutableJsonObject } from "../json.ts";
import { formatSeconds, formatTimestamp } from "./time-text.ts";
import {
  CelError,
  Duration,
  MapValue,
  Optional,
  Timestamp,
  Uint,
  typeOfValue,
  type CelValue,
} from "./values.ts";

export type Convert = (value: unknown) => CelValue;

/** JSON without a schema: whole numbers are ints. */
export const fromJson: Convert = (value) => {
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(fromJson);
  return isJsonObject(value) ? new JsonMap(value, always) : null;
};

const always = (): Convert => fromJson;

/** An object of JSON, its values converted when they are asked for. */
export class JsonMap extends MapValue {
  readonly #raw: JsonObject;
  /** How the value of a key becomes one; undefined: the key does not count. */
  readonly #convertOf: (key: string) => Convert | undefined;
  readonly #known = new Map<string, CelValue>();
  #size: number | undefined;

  constructor(raw: JsonObject, convertOf: (key: string) => Convert | undefined) {
    super();
    this.#raw = raw;
    this.#convertOf = convertOf;
  }

  get size(): number {
    this.#size ??= [...this.keys()].length;
    return this.#size;
  }

  find(key: CelValue): CelValue | undefined {
    if (typeof key !== "string" || !Object.hasOwn(this.#raw, key)) return undefined;
    const value = this.#raw[key];
    const convert = value === undefined ? undefined : this.#convertOf(key);
    if (convert === undefined) return undefined;
    if (typeof value !== "object" || value === null) return convert(value);
    const known = this.#known.get(key) ?? convert(value);
    this.#known.set(key, known);
    return known;
  }

  *keys(): Iterable<string> {
    for (const key of Object.keys(this.#raw)) {
      if (this.#raw[key] !== undefined && this.#convertOf(key) !== undefined) yield key;
    }
  }
}

/** A value as JSON. Throws CelError for what JSON has no form for. */
export function toJson(value: CelValue): unknown {
  if (typeof value === "bigint") return Number(value);
  return typeof value === "object" && value !== null ? objectToJson(value) : value;
}

function objectToJson(value: object): unknown {
  if (Array.isArray(value)) return (value as readonly CelValue[]).map(toJson);
  if (value instanceof Uint) return Number(value.value);
  if (value instanceof MapValue) {
    const object: MutableJsonObject = {};
    for (const key of value.keys()) {
      if (typeof key !== "string") throw new CelError(`unsupported map key of type ${typeOfValue(key).name}`);
      put(object, key, toJson(value.find(key)!));
    }
    return object;
  }
  if (value instanceof Uint8Array) return base64(value);
  if (value instanceof Timestamp) return formatTimestamp(value.nanos);
  if (value instanceof Duration) return formatSeconds(value.nanos);
  if (value instanceof Optional && value.value !== undefined) return toJson(value.value);
  throw new CelError(`unsupported type ${typeOfValue(value).name}`);
}

export function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
