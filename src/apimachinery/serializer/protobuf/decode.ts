/** Protobuf messages to objects, as their schemas' numbers say. @module */
import { put, type JsonObject, type MutableJsonObject } from "../../json.ts";
import type { Field, Scalar, Schema, StructSchema } from "../../schema.ts";
import { zeroOf } from "../scalars.ts";
import { isMessageScalar, readMessageScalar, readUntyped } from "./leaves.ts";
import { expectWire, ProtobufError, Reader } from "./reader.ts";
import { messageOf, type Message } from "./table.ts";
import { unionValue } from "./unions.ts";
import { BYTES, FIXED64, VARINT } from "./writer.ts";

/** Messages inside of messages. */
const DEPTH_MAX = 1000;

/** The object of a message without envelope. Fields of unknown number are skipped, as protobuf demands. */
export function decodeMessage(bytes: Uint8Array, schema: StructSchema): JsonObject {
  return struct(bytes, schema, 0);
}

function struct(bytes: Uint8Array, schema: StructSchema, depth: number): JsonObject {
  const out: MutableJsonObject = {};
  readFields(new Reader(bytes), out, messageOf(schema), depth);
  return out;
}

function readFields(reader: Reader, out: MutableJsonObject, message: Message, depth: number): void {
  if (depth > DEPTH_MAX) throw new ProtobufError("proto: exceeded max depth");
  while (!reader.isDone) {
    const [number, wireType] = reader.tag();
    const slot = message.slots.get(number);
    if (slot === undefined) reader.skip(wireType);
    else if ("inlined" in slot) {
      expectWire(wireType, BYTES, `number ${number}`);
      readFields(new Reader(reader.bytes()), out, slot.inlined, depth + 1);
    } else readField(reader, wireType, out, slot.field, depth);
  }
}

function readField(
  reader: Reader,
  wireType: number,
  out: MutableJsonObject,
  field: Field,
  depth: number,
): void {
  const { schema, name } = field;
  if (schema.type === "list" && schema.wrapped !== true) {
    const list = (out[name] ??= []) as unknown[];
    // An item that has no value in Go (a JSON that is null) keeps its place.
    list.push(readValue(reader, wireType, schema.items, name, depth) ?? null);
    return;
  }
  if (schema.type === "map") {
    const map = (out[name] ??= {}) as MutableJsonObject;
    expectWire(wireType, BYTES, name);
    const [key, value] = readEntry(reader.bytes(), schema.values, name, depth);
    put(map, key, value);
    return;
  }
  const value = readValue(reader, wireType, schema, name, depth);
  if (value === undefined || isLeftOut(value, field)) delete out[name];
  else out[name] = value;
}

/** Go writes fields that are no pointers even when they are zero; JSON does not show those. */
function isLeftOut(value: unknown, field: Field): boolean {
  if (field.pointer === true || field.schema.type !== "scalar") return false;
  return field.omitEmpty !== false && (value === "" || value === 0 || value === false);
}

function readValue(reader: Reader, wireType: number, schema: Schema, name: string, depth: number): unknown {
  if (schema.type === "scalar") return readScalar(reader, wireType, schema.scalar, name);
  expectWire(wireType, BYTES, name);
  const bytes = reader.bytes();
  if (schema.type === "struct") return struct(bytes, schema, depth + 1);
  if (schema.type === "untyped") {
    if (schema.message === undefined) return readUntyped(bytes, schema.form);
    return unionValue(struct(bytes, schema.message, depth + 1), schema);
  }
  if (schema.type === "list") return readWrapped(bytes, schema.items, name, depth);
  throw new ProtobufError(`proto: field ${name} holds a map of maps, which protobuf cannot`);
}

function readWrapped(bytes: Uint8Array, items: Schema, name: string, depth: number): readonly unknown[] {
  const reader = new Reader(bytes);
  const list: unknown[] = [];
  while (!reader.isDone) {
    const [number, wireType] = reader.tag();
    if (number === 1) list.push(readValue(reader, wireType, items, name, depth + 1));
    else reader.skip(wireType);
  }
  return list;
}

function readEntry(
  bytes: Uint8Array,
  values: Schema,
  name: string,
  depth: number,
): readonly [string, unknown] {
  const reader = new Reader(bytes);
  let key = "";
  let value: unknown;
  while (!reader.isDone) {
    const [number, wireType] = reader.tag();
    if (number === 1) {
      expectWire(wireType, BYTES, name);
      key = reader.string();
    } else if (number === 2) value = readValue(reader, wireType, values, name, depth + 1);
    else reader.skip(wireType);
  }
  return [key, value ?? zero(values)];
}

function zero(schema: Schema): unknown {
  if (schema.type === "scalar") return zeroOf(schema.scalar);
  return schema.type === "list" ? [] : {};
}

function readScalar(reader: Reader, wireType: number, scalar: Scalar, name: string): unknown {
  if (isMessageScalar(scalar)) {
    expectWire(wireType, BYTES, name);
    return readMessageScalar(reader.bytes(), scalar);
  }
  switch (scalar) {
    case "boolean":
      expectWire(wireType, VARINT, name);
      return reader.varint() !== 0;
    case "int32":
    case "int64":
      expectWire(wireType, VARINT, name);
      return reader.integer();
    case "double":
      expectWire(wireType, FIXED64, name);
      return reader.double();
    case "bytes":
      expectWire(wireType, BYTES, name);
      return reader.bytes().toBase64();
    case "string":
    default:
      expectWire(wireType, BYTES, name);
      return reader.string();
  }
}
