/** `"%s is %d".format([…])`. @module */
import { compareStrings } from "../../text.ts";
import {
  CelError,
  Duration,
  MapValue,
  Timestamp,
  TypeValue,
  typeOfValue,
  Uint,
  type CelValue,
} from "../values.ts";
import { toText } from "./conversions.ts";

const PRECISION = 6;

export function format(text: string, args: readonly CelValue[]): string {
  let made = "";
  let next = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== "%") {
      made += text[at];
      continue;
    }
    at++;
    if (at >= text.length) throw new CelError("unexpected end of string");
    if (text[at] === "%") {
      made += "%";
      continue;
    }
    const [, digits, verb] = /^(?:\.(\d+))?(.?)/s.exec(text.slice(at))!;
    if (next >= args.length)
      throw new CelError(`could not parse formatting clause: index ${next} out of range`);
    at += digits === undefined ? 0 : digits.length + 1;
    made += clause(verb!, args[next++]!, digits === undefined ? PRECISION : Number(digits));
  }
  return made;
}

function clause(verb: string, value: CelValue, precision: number): string {
  switch (verb) {
    case "s":
      return formatText(value);
    case "d":
      return decimal(value);
    case "f":
      return fixed(value, precision);
    case "e":
      return scientific(value, precision);
    case "b":
      return typeof value === "boolean" ? String(Number(value)) : based(value, 2, "integers and bools");
    case "o":
      return based(value, 8, "integers");
    case "x":
      return hex(value);
    case "X":
      return hex(value).toUpperCase();
    default:
      throw new CelError(`could not parse formatting clause: unrecognized formatting clause "${verb}"`);
  }
}

function refused(what: string, value: CelValue): CelError {
  return new CelError(`error during formatting: ${what}, was given ${typeOfValue(value).name}`);
}

function formatText(value: CelValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return `[${(value as readonly CelValue[]).map(inner).join(", ")}]`;
  if (value instanceof MapValue) return mapText(value);
  const isPlain =
    typeof value !== "object" ||
    [Timestamp, Duration, Uint, Uint8Array, TypeValue].some((type) => value instanceof type);
  if (isPlain) return toText(value);
  throw refused(
    "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps",
    value,
  );
}

function mapText(map: MapValue): string {
  const pairs = Array.from(map.keys(), (key) => [inner(key), inner(map.find(key)!)] as const);
  const sorted = pairs.toSorted(([a], [b]) => compareStrings(a, b));
  return `{${sorted.map(([key, value]) => `${key}:${value}`).join(", ")}}`;
}

/** Inside of lists and maps values look as expressions write them. */
function inner(value: CelValue): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number")
    return Number.isFinite(value) ? value.toFixed(PRECISION) : `"${toText(value)}"`;
  if (value instanceof Uint8Array) return `b${JSON.stringify(toText(value))}`;
  if (value instanceof Timestamp) return `timestamp("${toText(value)}")`;
  if (value instanceof Duration) return `duration("${toText(value)}")`;
  return formatText(value);
}

function decimal(value: CelValue): string {
  if (typeof value === "bigint" || value instanceof Uint) return toText(value);
  throw refused("decimal clause can only be used on integers", value);
}

function double(value: CelValue, what: string): number {
  if (typeof value === "number") return value;
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value);
  throw refused(`${what} clause can only be used on doubles`, value);
}

function fixed(value: CelValue, precision: number): string {
  const number = double(value, "fixed-point");
  return Number.isFinite(number) ? number.toFixed(precision) : special(number);
}

function scientific(value: CelValue, precision: number): string {
  const number = double(value, "scientific");
  if (!Number.isFinite(number)) return special(number);
  const [digits, exponent = "+0"] = number.toExponential(precision).split("e");
  return `${digits}\u202f×\u202f10${superscript(exponent)}`;
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** As Go's locale-aware printer writes powers of ten. */
function superscript(exponent: string): string {
  const sign = exponent.startsWith("-") ? "⁻" : "";
  return (
    sign +
    exponent
      .slice(1)
      .padStart(2, "0")
      .replaceAll(/\d/g, (digit) => SUPERSCRIPTS[Number(digit)]!)
  );
}

function special(value: number): string {
  return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "-∞";
}

function based(value: CelValue, base: number, what: string): string {
  if (typeof value === "bigint") return value.toString(base);
  if (value instanceof Uint) return value.value.toString(base);
  throw refused(
    `${base === 2 ? "only" : "octal clause can only be used on"} ${what}${base === 2 ? " can be formatted as binary" : ""}`,
    value,
  );
}

function hex(value: CelValue): string {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  if (bytes instanceof Uint8Array) {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  if (typeof value === "bigint" || value instanceof Uint) return based(value, 16, "");
  throw refused("only integers, byte buffers, and strings can be formatted as hex", value);
}
