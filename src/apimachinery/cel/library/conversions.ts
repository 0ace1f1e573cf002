/** Sizes, types, and one type from another. @module */
import { parseBool } from "../../parse-bool.ts";
import { fn, fns, type Declaration } from "../functions.ts";
import { formatDouble } from "../number-text.ts";
import {
  checkTimestamp,
  floorDiv,
  formatSeconds,
  formatTimestamp,
  parseDurationNanos,
  parseTimestamp,
} from "../time-text.ts";
import {
  CelError,
  Duration,
  noSuchOverload,
  sizeOfValue,
  Timestamp,
  TypeValue,
  typeOfValue,
  Uint,
  type CelValue,
} from "../values.ts";
import { int, uint } from "./operators.ts";

const SECOND = 1_000_000_000n;

function conversionError(from: string, to: string): CelError {
  return new CelError(`type conversion error from '${from}' to '${to}'`);
}

function toBool(value: CelValue): boolean {
  if (typeof value === "boolean") return value;
  const parsed = typeof value === "string" ? parseBool(value) : undefined;
  if (parsed === undefined) throw conversionError("string", "bool");
  return parsed;
}

function toInt(value: CelValue): bigint {
  if (typeof value === "bigint") return value;
  if (value instanceof Uint) return int(value.value);
  if (value instanceof Duration) return value.nanos;
  if (value instanceof Timestamp) return floorDiv(value.nanos, SECOND);
  if (typeof value === "number") return wholeOf(value, "integer overflow", int);
  if (typeof value !== "string") throw noSuchOverload();
  if (!/^[-+]?\d+$/.test(value)) throw conversionError("string", "int");
  return checked(() => int(BigInt(value)), conversionError("string", "int"));
}

function toUint(value: CelValue): Uint {
  if (value instanceof Uint) return value;
  if (typeof value === "bigint") return uint(value);
  if (typeof value === "number") return wholeOf(value, "unsigned integer overflow", uint);
  if (!/^\d+$/.test(value as string)) throw conversionError("string", "uint");
  return checked(() => uint(BigInt(value as string)), conversionError("string", "uint"));
}

function wholeOf<T>(value: number, message: string, make: (whole: bigint) => T): T {
  if (!Number.isFinite(value) || Math.abs(value) > 2 ** 64) throw new CelError(message);
  return make(BigInt(Math.trunc(value)));
}

function checked<T>(make: () => T, otherwise: CelError): T {
  try {
    return make();
  } catch (err) {
    if (err instanceof CelError) throw otherwise;
    throw err;
  }
}

const SPECIAL_DOUBLES: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  "+inf": Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
  "+infinity": Number.POSITIVE_INFINITY,
  "-infinity": Number.NEGATIVE_INFINITY,
};

function toDouble(value: CelValue): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Uint) return Number(value.value);
  const text = value as string;
  const special = SPECIAL_DOUBLES[text.toLowerCase()];
  if (special !== undefined) return special;
  if (!/^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text)) throw conversionError("string", "double");
  return Number(text);
}

/** What `string()` gives; throws for values that have no text. */
export function toText(value: CelValue): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "number") return formatDouble(value);
  if (value instanceof Uint) return value.value.toString();
  if (value instanceof Timestamp) return formatTimestamp(value.nanos);
  if (value instanceof Duration) return formatSeconds(value.nanos);
  if (value instanceof TypeValue) return value.type.name;
  if (!(value instanceof Uint8Array)) throw noSuchOverload();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(value);
  } catch {
    throw new CelError("invalid UTF-8 in bytes, cannot convert to string");
  }
}

function toDuration(value: CelValue): Duration {
  if (value instanceof Duration) return value;
  if (typeof value === "bigint") return new Duration(value);
  return new Duration(
    checked(() => parseDurationNanos(value as string), conversionError("string", "google.protobuf.Duration")),
  );
}

function toTimestamp(value: CelValue): Timestamp {
  if (value instanceof Timestamp) return value;
  if (typeof value === "bigint") return new Timestamp(checkTimestamp(value * SECOND));
  return new Timestamp(parseTimestamp(value as string));
}

function size(value: CelValue): bigint {
  const known = sizeOfValue(value);
  if (known === undefined) throw noSuchOverload();
  return BigInt(known);
}

const identity = (value: CelValue): CelValue => value;

export const CONVERSIONS: readonly Declaration[] = [
  ...fns("size", size, {
    size_bytes: "(bytes): int",
    bytes_size: "bytes.(): int",
    size_list: "(list<A>): int",
    list_size: "list<A>.(): int",
    size_map: "(map<A, B>): int",
    map_size: "map<A, B>.(): int",
    size_string: "(string): int",
    string_size: "string.(): int",
  }),
  fn("type", "type", "(A): type<A>", (value: CelValue) => new TypeValue(typeOfValue(value))),
  fn("dyn", "to_dyn", "(A): dyn", identity),
  ...fns("bool", toBool, { bool_to_bool: "(bool): bool", string_to_bool: "(string): bool" }),
  ...fns(
    "bytes",
    (value: CelValue) => (typeof value === "string" ? new TextEncoder().encode(value) : value),
    {
      bytes_to_bytes: "(bytes): bytes",
      string_to_bytes: "(string): bytes",
    },
  ),
  ...fns("double", toDouble, {
    double_to_double: "(double): double",
    int64_to_double: "(int): double",
    string_to_double: "(string): double",
    uint64_to_double: "(uint): double",
  }),
  ...fns("duration", toDuration, {
    duration_to_duration: "(duration): duration",
    int64_to_duration: "(int): duration",
    string_to_duration: "(string): duration",
  }),
  ...fns("int", toInt, {
    int64_to_int64: "(int): int",
    double_to_int64: "(double): int",
    duration_to_int64: "(duration): int",
    string_to_int64: "(string): int",
    timestamp_to_int64: "(timestamp): int",
    uint64_to_int64: "(uint): int",
  }),
  ...fns("string", toText, {
    string_to_string: "(string): string",
    bool_to_string: "(bool): string",
    bytes_to_string: "(bytes): string",
    double_to_string: "(double): string",
    duration_to_string: "(duration): string",
    int64_to_string: "(int): string",
    timestamp_to_string: "(timestamp): string",
    uint64_to_string: "(uint): string",
  }),
  ...fns("timestamp", toTimestamp, {
    timestamp_to_timestamp: "(timestamp): timestamp",
    int64_to_timestamp: "(int): timestamp",
    string_to_timestamp: "(string): timestamp",
  }),
  ...fns("uint", toUint, {
    uint64_to_uint64: "(uint): uint",
    double_to_uint64: "(double): uint",
    int64_to_uint64: "(int): uint",
    string_to_uint64: "(string): uint",
  }),
];
