/** Objects to protobuf messages, as their schemas' numbers say. @module */
import { isJsonObject, own, type JsonObject } from "../../json.ts";
import type { Scalar, Schema, StructSchema, UntypedSchema } from "../../schema.ts";
import { zeroOf } from "../scalars.ts";
import { isMessageScalar, writeMessageScalar, writeUntyped } from "./leaves.ts";
import { ProtobufError } from "./reader.ts";
import { messageOf, type Message } from "./table.ts";
import { unionMembers } from "./unions.ts";
import { FIXED64, ReverseWriter, VARINT } from "./writer.ts";

/** The message of a typed object, without envelope. Fields without a number (`apiVersion`, `kind`) are not in it. */
export function encodeMessage(object: JsonObject, schema: StructSchema): Uint8Array<ArrayBuffer> {
  const writer = new ReverseWriter();
  writeFields(writer, object, messageOf(schema));
  return writer.finish();
}

function writeFields(writer: ReverseWriter, object: JsonObject, message: Message): void {
  for (const number of message.descending) {
    const slot = message.slots.get(number)!;
    if ("inlined" in slot) {
      const before = writer.length;
      writeFields(writer, object, slot.inlined);
      if (writer.length > before) writer.delimit(number, before);
      continue;
    }
    const value = own(object, slot.field.name);
    if (value !== undefined && value !== null) writeField(writer, number, value, slot.field.schema);
  }
}

function writeField(writer: ReverseWriter, number: number, value: unknown, schema: Schema): void {
  switch (schema.type) {
    case "scalar":
      return writeScalar(writer, number, value, schema.scalar);
    case "list":
      return writeList(writer, number, value, schema.items, schema.wrapped === true);
    case "map":
      return writeMap(writer, number, value, schema.values);
    case "struct":
    case "untyped":
    default:
      return writeNested(writer, number, value, schema);
  }
}

function writeNested(writer: ReverseWriter, number: number, value: unknown, schema: Schema): void {
  const before = writer.length;
  const union = schema.type === "untyped" ? schema.message : undefined;
  if (union !== undefined)
    writeFields(writer, unionMembers(value, schema as UntypedSchema), messageOf(union));
  else if (schema.type !== "struct") writeUntyped(writer, value);
  else if (isJsonObject(value)) writeFields(writer, value, messageOf(schema));
  // Go reads a null in a list or a map as the zero value.
  else if (value === null) return writer.delimit(number, before);
  else throw new ProtobufError(`encoding ${schema.name}: not an object`);
  writer.delimit(number, before);
}

function writeList(
  writer: ReverseWriter,
  number: number,
  value: unknown,
  items: Schema,
  wrapped: boolean,
): void {
  if (!Array.isArray(value)) throw new ProtobufError("encoding a list: not an array");
  const before = writer.length;
  for (const item of (value as readonly unknown[]).toReversed())
    writeField(writer, wrapped ? 1 : number, item, items);
  if (wrapped) writer.delimit(number, before);
}

/** Entries in the order of their keys, as upstream writes them, so that equal maps are equal bytes. */
function writeMap(writer: ReverseWriter, number: number, value: unknown, values: Schema): void {
  if (!isJsonObject(value)) throw new ProtobufError("encoding a map: not an object");
  for (const key of Object.keys(value).toSorted().toReversed()) {
    const before = writer.length;
    // Go reads a null as the zero value.
    const child = value[key] ?? (values.type === "scalar" ? zeroOf(values.scalar) : undefined);
    if (child !== undefined && child !== null) writeField(writer, 2, child, values);
    else writer.delimit(2, before);
    const beforeKey = writer.length;
    writer.string(key);
    writer.delimit(1, beforeKey);
    writer.delimit(number, before);
  }
}

function writeScalar(writer: ReverseWriter, number: number, value: unknown, scalar: Scalar): void {
  const before = writer.length;
  if (isMessageScalar(scalar)) {
    writeMessageScalar(writer, value, scalar);
    return writer.delimit(number, before);
  }
  switch (scalar) {
    case "boolean":
      writer.varint(value === true ? 1 : 0);
      return writer.tag(number, VARINT);
    case "int32":
    case "int64":
      writer.integer(value as number);
      return writer.tag(number, VARINT);
    case "double":
      writer.double(value as number);
      return writer.tag(number, FIXED64);
    case "bytes":
      writer.bytes(Uint8Array.fromBase64(value as string));
      return writer.delimit(number, before);
    case "string":
    default:
      writer.string(value as string);
      return writer.delimit(number, before);
  }
}
