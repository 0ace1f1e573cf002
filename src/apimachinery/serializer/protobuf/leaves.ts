/** Leaves that are messages of their own in protobuf: quantities, times, durations, int-or-strings, raw JSON. @module */
import { formatDuration, parseDuration } from "../../duration.ts";
import { formatTime, parseTime } from "../../time.ts";
import type { Scalar, UntypedSchema } from "../../schema.ts";
import { parseJson } from "../json.ts";
import { ProtobufError, Reader } from "./reader.ts";
import { BYTES, VARINT, type ReverseWriter } from "./writer.ts";

/** The year 9999, beyond which RFC 3339 cannot go. */
const SECONDS_MAX = 253_402_300_799;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

export type MessageScalar = Extract<Scalar, "quantity" | "time" | "microTime" | "duration" | "intOrString">;

export function isMessageScalar(scalar: Scalar): scalar is MessageScalar {
  return ["quantity", "time", "microTime", "duration", "intOrString"].includes(scalar);
}

/** Writes the inside of the message, back to front. */
export function writeMessageScalar(writer: ReverseWriter, value: unknown, scalar: MessageScalar): void {
  switch (scalar) {
    case "quantity":
      return writeString(writer, 1, value as string);
    case "time":
    case "microTime":
      return writeTime(writer, value as string);
    case "duration":
      return writeInteger(writer, 1, Math.round(parseDuration(value as string) * 1e6));
    case "intOrString":
    default:
      return writeIntOrString(writer, value as string | number);
  }
}

/** undefined: the zero value, which JSON leaves out. */
export function readMessageScalar(bytes: Uint8Array, scalar: MessageScalar): unknown {
  const fields = readNumbersAndStrings(bytes);
  const number = (key: number): number => Number(fields.get(key) ?? 0);
  switch (scalar) {
    case "quantity":
      return fields.get(1) === undefined || fields.get(1) === "" ? "0" : fields.get(1);
    case "time":
    case "microTime":
      return fields.size === 0 ? undefined : readTime(number(1), number(2), scalar);
    case "duration":
      return formatDuration(number(1) / 1e6);
    case "intOrString":
    default:
      return number(1) === 1 ? (fields.get(3) ?? "") : number(2);
  }
}

/** Embedded values travel as JSON; an object that was packed as protobuf is not looked into. */
export function writeUntyped(writer: ReverseWriter, value: unknown): void {
  const before = writer.length;
  writer.bytes(encoder.encode(JSON.stringify(value)));
  writer.delimit(1, before);
}

export function readUntyped(bytes: Uint8Array, form: UntypedSchema["form"]): unknown {
  const raw = fieldBytes(bytes, 1);
  if (raw === undefined || raw.length === 0) return form === "fieldsV1" ? {} : undefined;
  try {
    return parseJson(decoder.decode(raw));
  } catch (cause) {
    throw new ProtobufError(`proto: embedded JSON: ${String(cause)}`, { cause });
  }
}

function writeTime(writer: ReverseWriter, text: string): void {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? "";
  // Without it: far from 1970 the sum of both would round up to the next second.
  const seconds = parseTime(fraction === "" ? text : text.replace(`.${fraction}`, "")) / 1000;
  const nanos = Number(fraction.slice(0, 9).padEnd(9, "0"));
  writeInteger(writer, 2, nanos);
  writeInteger(writer, 1, seconds);
}

function readTime(seconds: number, nanos: number, scalar: "time" | "microTime"): string {
  const isTime = Math.abs(seconds) <= SECONDS_MAX && Math.abs(nanos) < 1e9;
  if (!isTime) throw new ProtobufError(`proto: time ${seconds} is out of range`);
  const whole = formatTime(seconds * 1000);
  if (scalar === "time") return whole;
  // Digits, not sums: milliseconds of today are too large a number to carry microseconds exactly.
  return `${whole.slice(0, -1)}.${String(Math.floor(Math.max(nanos, 0) / 1000)).padStart(6, "0")}Z`;
}

function writeIntOrString(writer: ReverseWriter, value: string | number): void {
  writeString(writer, 3, typeof value === "string" ? value : "");
  writeInteger(writer, 2, typeof value === "string" ? 0 : value);
  writeInteger(writer, 1, typeof value === "string" ? 1 : 0);
}

function writeString(writer: ReverseWriter, number: number, text: string): void {
  const before = writer.length;
  writer.string(text);
  writer.delimit(number, before);
}

function writeInteger(writer: ReverseWriter, number: number, value: number): void {
  writer.integer(value);
  writer.tag(number, VARINT);
}

function readNumbersAndStrings(bytes: Uint8Array): ReadonlyMap<number, number | string> {
  const reader = new Reader(bytes);
  const fields = new Map<number, number | string>();
  while (!reader.isDone) {
    const [number, wireType] = reader.tag();
    if (wireType === VARINT) fields.set(number, reader.integer());
    else if (wireType === BYTES) fields.set(number, reader.string());
    else reader.skip(wireType);
  }
  return fields;
}

/** The last occurrence of a length-delimited field. */
export function fieldBytes(bytes: Uint8Array, wanted: number): Uint8Array | undefined {
  const reader = new Reader(bytes);
  let found: Uint8Array | undefined;
  while (!reader.isDone) {
    const [number, wireType] = reader.tag();
    if (number === wanted && wireType === BYTES) found = reader.bytes();
    else reader.skip(wireType);
  }
  return found;
}
