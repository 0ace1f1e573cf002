/**
 * Protobuf ↔ plain objects. Decoded objects have every scalar, list and map (with its zero value);
 * absent messages are absent. Enums are their names. Points in time (`TIMES`) are bigint nanoseconds;
 * other 64-bit integers are numbers, rounded beyond 2^53.
 * @module
 */
import protobuf from "protobufjs/minimal.js";
import type { Field, FieldType, MessageType, Scalar } from "./schema.ts";

type Writer = protobuf.Writer;
type Reader = protobuf.Reader;
type PlainObject = Readonly<Record<string, unknown>>;
/** What 64-bit readers give: two halves, the lower one unsigned after `>>> 0`. */
interface Halves {
  readonly high: number;
  readonly low: number;
}

const TIMES: ReadonlySet<string> = new Set(["timestamp", "createdAt", "startedAt", "finishedAt"]);

/** The lower three bits of a tag. */
const LENGTH_DELIMITED = 2;
const WIRE_TYPES: Readonly<Record<Scalar, number>> = {
  string: LENGTH_DELIMITED,
  bytes: LENGTH_DELIMITED,
  bool: 0,
  int32: 0,
  uint32: 0,
  int64: 0,
  uint64: 0,
  double: 1,
};

/** Unknown properties are ignored; undefined ones count as absent. */
export function encode(type: MessageType, value: object): Uint8Array {
  const writer = protobuf.Writer.create();
  writeMessage(writer, type, value as PlainObject);
  return writer.finish();
}

/** Unknown fields are skipped. Throws on malformed bytes. */
export function decode(type: MessageType, bytes: Uint8Array): object {
  const reader = protobuf.Reader.create(bytes);
  return readMessage(reader, type, reader.len);
}

function writeMessage(writer: Writer, type: MessageType, value: PlainObject): void {
  for (const field of type.fields) {
    const item = value[field.name];
    if (item === undefined) continue;
    if (field.type.kind === "map") writeMap(writer, field, item as Readonly<Record<string, string>>);
    else if (!field.repeated) writeField(writer, field, item);
    else for (const one of item as readonly unknown[]) writeField(writer, field, one);
  }
}

function writeField(writer: Writer, field: Field, value: unknown): void {
  const { type, number } = field;
  if (type.kind === "scalar") {
    writer.uint32((number << 3) | WIRE_TYPES[type.scalar]);
    writeScalar(writer, type.scalar, value);
  } else if (type.kind === "enum") {
    const index = type.names.indexOf(String(value));
    if (index < 0) throw new TypeError(`${field.name}: ${String(value)} is none of ${type.names.join(", ")}`);
    writer.uint32(number << 3).int32(index);
  } else if (type.kind === "message") {
    const inner = type.message;
    writer.uint32((number << 3) | LENGTH_DELIMITED).fork();
    writeMessage(writer, inner, inner.isWrapper ? wrap(inner, value) : (value as PlainObject));
    writer.ldelim();
  }
}

function wrap(type: MessageType, value: unknown): PlainObject {
  return { [type.fields[0]!.name]: value };
}

function writeScalar(writer: Writer, scalar: Scalar, value: unknown): void {
  switch (scalar) {
    case "string":
      return void writer.string(value as string);
    case "bytes":
      return void writer.bytes(typeof value === "string" ? Buffer.from(value) : (value as Uint8Array));
    case "bool":
      return void writer.bool(value as boolean);
    case "int32":
      return void writer.int32(value as number);
    case "uint32":
      return void writer.uint32(value as number);
    case "int64":
    case "uint64":
      return writeInt64(writer, value as number | bigint);
    case "double":
      return void writer.double(value as number);
  }
}

/** The writer's own int64 takes doubles only; bigints go as the seven-bit groups that they are on the wire. */
function writeInt64(writer: Writer, value: number | bigint): void {
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new TypeError(`${value} is not an exact integer`);
    return void writer.int64(value);
  }
  const bits = BigInt.asUintN(64, value);
  const [low, high] = [Number(bits & 0xffffffffn) | 0, Number(bits >> 32n) | 0];
  writer.int64({ low, high, unsigned: false });
}

function writeMap(writer: Writer, field: Field, entries: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(entries)) {
    writer.uint32((field.number << 3) | LENGTH_DELIMITED).fork();
    writer.uint32((1 << 3) | LENGTH_DELIMITED).string(key);
    writer.uint32((2 << 3) | LENGTH_DELIMITED).string(value);
    writer.ldelim();
  }
}

function readMessage(reader: Reader, type: MessageType, end: number): Record<string, unknown> {
  const result = zeroValues(type);
  while (reader.pos < end) {
    const tag = reader.uint32();
    const field = type.byNumber.get(tag >>> 3);
    if (field === undefined) reader.skipType(tag & 7);
    else if (field.type.kind === "map") readMapEntry(reader, result[field.name] as Record<string, string>);
    else if (!field.repeated) result[field.name] = readValue(reader, field);
    else readRepeated(reader, field, tag & 7, result[field.name] as unknown[]);
  }
  return result;
}

function readRepeated(reader: Reader, field: Field, wireType: number, into: unknown[]): void {
  const isPackable =
    field.type.kind === "enum" ||
    (field.type.kind === "scalar" && WIRE_TYPES[field.type.scalar] !== LENGTH_DELIMITED);
  if (!isPackable || wireType !== LENGTH_DELIMITED) return void into.push(readValue(reader, field));
  const end = reader.uint32() + reader.pos;
  while (reader.pos < end) into.push(readValue(reader, field));
}

function readValue(reader: Reader, field: Field): unknown {
  const { type } = field;
  if (type.kind === "scalar") return readScalar(reader, type.scalar, field.name);
  if (type.kind === "enum") {
    const index = reader.int32();
    return type.names[index] ?? String(index);
  }
  if (type.kind === "map") throw new Error("A map is read by its entries");
  const end = reader.uint32() + reader.pos;
  const message = readMessage(reader, type.message, end);
  return type.message.isWrapper ? message[type.message.fields[0]!.name] : message;
}

function readScalar(reader: Reader, scalar: Scalar, fieldName: string): unknown {
  switch (scalar) {
    case "string":
      return reader.string();
    case "bytes":
      // A copy: the reader's buffer is the whole message.
      return Uint8Array.from(reader.bytes());
    case "bool":
      return reader.bool();
    case "int32":
      return reader.int32();
    case "uint32":
      return reader.uint32();
    case "int64":
      return integer(reader.int64(), fieldName, true);
    case "uint64":
      return integer(reader.uint64(), fieldName, false);
    case "double":
      return reader.double();
    default:
      return unreachable(scalar);
  }
}

function integer(value: Halves | number, fieldName: string, signed: boolean): number | bigint {
  const isTime = TIMES.has(fieldName);
  if (typeof value === "number") return isTime ? BigInt(value) : value;
  const high = signed ? value.high : value.high >>> 0;
  if (!isTime) return high * 2 ** 32 + (value.low >>> 0);
  return (BigInt(high) << 32n) | BigInt(value.low >>> 0);
}

function readMapEntry(reader: Reader, into: Record<string, string>): void {
  const end = reader.uint32() + reader.pos;
  let key = "";
  let value = "";
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) key = reader.string();
    else if (tag >>> 3 === 2) value = reader.string();
    else reader.skipType(tag & 7);
  }
  // Keys come from users: `__proto__` must become a property like any other.
  Object.defineProperty(into, key, { value, enumerable: true, configurable: true, writable: true });
}

function zeroValues(type: MessageType): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const field of type.fields) {
    const zero = zeroValue(field.type, field.repeated, field.name);
    if (zero !== undefined) result[field.name] = zero;
  }
  return result;
}

function zeroValue(type: FieldType, repeated: boolean, name: string): unknown {
  if (repeated) return [];
  switch (type.kind) {
    case "map":
      return {};
    case "enum":
      return type.names[0];
    case "message":
      return undefined;
    case "scalar":
      return scalarZero(type.scalar, name);
    default:
      return unreachable(type);
  }
}

function scalarZero(scalar: Scalar, name: string): unknown {
  if (scalar === "string") return "";
  if (scalar === "bytes") return new Uint8Array();
  if (scalar === "bool") return false;
  return TIMES.has(name) ? 0n : 0;
}

function unreachable(value: never): never {
  throw new Error(`Unknown type ${String(value)}`);
}
