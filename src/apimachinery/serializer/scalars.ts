/** Leaves of typed objects: checked and brought into the form in which the API keeps them. @module */
import { canonicalMicroTime, canonicalTime, TimeError } from "../time.ts";
import { formatQuantity, parseQuantityValue, QuantityError } from "../quantity.ts";
import { jsonTypeOf } from "../json.ts";
import { parseDuration } from "../duration.ts";
import type { Scalar } from "../schema.ts";

/** A value does not fit its type; the message is that of Go's decoder. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

/** The words of Go's decoder for the place of a value: `Go struct field Container.spec.image of type string`. */
export type Place = (type: string) => string;

const INT32_MAX = 2 ** 31 - 1;

const GO_TYPES: Readonly<Record<Scalar, string>> = {
  string: "string",
  boolean: "bool",
  int32: "int32",
  int64: "int64",
  double: "float64",
  bytes: "[]uint8",
  quantity: "resource.Quantity",
  time: "v1.Time",
  microTime: "v1.MicroTime",
  duration: "v1.Duration",
  intOrString: "intstr.IntOrString",
};

export function goTypeOf(scalar: Scalar): string {
  return GO_TYPES[scalar];
}

/** Zero values in lists and maps, where Go has no absence. */
export function zeroOf(scalar: Scalar): unknown {
  switch (scalar) {
    case "boolean":
      return false;
    case "int32":
    case "int64":
    case "double":
    case "intOrString":
      return 0;
    case "quantity":
      return "0";
    case "string":
    case "bytes":
    case "duration":
      return "";
    case "time":
    case "microTime":
    default:
      return null;
  }
}

/** The canonical form of `value`. Throws `DecodeError`. */
export function decodeScalar(value: unknown, scalar: Scalar, place: Place): unknown {
  switch (scalar) {
    case "string":
      return typeof value === "string" ? value : mismatch(value, "string", place);
    case "boolean":
      return typeof value === "boolean" ? value : mismatch(value, "bool", place);
    case "int32":
    case "int64":
      return integer(value, scalar, place);
    case "double":
      return typeof value === "number" ? value : mismatch(value, "float64", place);
    case "bytes":
      return bytes(value, place);
    case "intOrString":
      if (typeof value === "string") return value;
      return integer(value, "int32", inValue);
    case "quantity":
    case "time":
    case "microTime":
    case "duration":
    default:
      return text(value, scalar);
  }
}

function text(value: unknown, scalar: "quantity" | "time" | "microTime" | "duration"): unknown {
  try {
    if (scalar === "quantity") return formatQuantity(parseQuantityValue(value));
    if (typeof value !== "string") return mismatch(value, "string", inValue);
    if (scalar === "time") return canonicalTime(value);
    if (scalar === "microTime") return canonicalMicroTime(value);
    parseDuration(value);
    return value;
  } catch (err) {
    if (err instanceof QuantityError || err instanceof TimeError || scalar === "duration") {
      throw new DecodeError((err as Error).message, { cause: err });
    }
    throw err;
  }
}

function integer(value: unknown, type: "int32" | "int64", place: Place): number {
  if (typeof value !== "number") return mismatch(value, type, place);
  const fits = type === "int64" || (value <= INT32_MAX && value >= -INT32_MAX - 1);
  if (Number.isInteger(value) && fits) return value;
  throw new DecodeError(`json: cannot unmarshal number ${value} into ${place(type)}`);
}

function bytes(value: unknown, place: Place): string {
  if (typeof value !== "string") return mismatch(value, "[]uint8", place);
  const bad = /[^A-Za-z0-9+/=\r\n]/.exec(value);
  const body = value.replaceAll(/[\r\n]/g, "");
  if (bad === null && body.length % 4 === 0 && /^[^=]*={0,2}$/.test(body)) return body;
  throw new DecodeError(`illegal base64 data at input byte ${bad?.index ?? Math.max(0, value.length - 1)}`);
}

function mismatch(value: unknown, type: string, place: Place): never {
  throw new DecodeError(`json: cannot unmarshal ${goJsonType(value)} into ${place(type)}`);
}

/** How Go's decoder names the type of a JSON value. */
export function goJsonType(value: unknown): string {
  const type = jsonTypeOf(value);
  return type === "boolean" ? "bool" : type;
}

/** Types with a decoder of their own do not know where they stand. */
export function inValue(type: string): string {
  return `Go value of type ${type}`;
}
