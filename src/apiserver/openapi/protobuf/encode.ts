/** Writes JSON values as gnostic messages, along the table. @module */
import protobuf from "protobufjs/minimal.js";
import type { SchemaObject } from "../schema-object.ts";
import { messages, parameterMessages, type FieldType, type Message, type MessageName } from "./messages.ts";

type Writer = protobuf.Writer;

const LENGTH_DELIMITED = 2;
const VARINT = 0;
const FIXED64 = 1;
/** `NamedSchema`, `NamedResponseValue`, `NamedAny`, … are all alike. */
const NAME = 1;
const VALUE = 2;
/** `ResponseValue.response`: a response lies in a choice, a schema does not. */
const RESPONSE_CHOICE = 1;
/** `Any.yaml`. */
const YAML = 2;

/** The bytes of `{name, value}`, as field `at` of the message around it. */
export function encodeNamed(at: number, name: string, value: SchemaObject, message: MessageName): Uint8Array {
  const writer = protobuf.Writer.create();
  writeNamed(writer, at, name, value, message);
  return writer.finish();
}

/** The bytes of one message. */
export function encodeMessage(value: SchemaObject, message: MessageName): Uint8Array {
  const writer = protobuf.Writer.create();
  writeMessage(writer, value, message);
  return writer.finish();
}

/** The tag and length of a field whose content is written by others. */
export function fieldHeader(at: number, length: number): Uint8Array {
  return protobuf.Writer.create()
    .uint32((at << 3) | LENGTH_DELIMITED)
    .uint32(length)
    .finish();
}

export function tag(writer: Writer, at: number, wireType: number): Writer {
  return writer.uint32((at << 3) | wireType);
}

/** Opens the messages of `path`, one in the other, and writes what is inside of the last. */
function nested(writer: Writer, path: readonly number[], inside: (writer: Writer) => void): void {
  const [at, ...rest] = path;
  if (at === undefined) {
    inside(writer);
    return;
  }
  tag(writer, at, LENGTH_DELIMITED).fork();
  nested(writer, rest, inside);
  writer.ldelim();
}

function writeMessage(writer: Writer, value: SchemaObject, name: MessageName): void {
  if (name === "parameter") {
    const { path, message } = parameterMessages[String(value["in"])]!;
    nested(writer, path, (inner) => writeFields(inner, value, message));
    return;
  }
  writeFields(writer, value, messages[name]);
}

function writeFields(writer: Writer, value: SchemaObject, { fields, extensions }: Message): void {
  for (const [key, member] of Object.entries(value)) {
    const field = fields[key];
    if (field !== undefined) {
      writeField(writer, field.path, field.type, member);
    } else if (extensions !== undefined && key.startsWith("x-")) {
      nested(writer, [extensions], (inner) => {
        tag(inner, NAME, LENGTH_DELIMITED).string(key);
        writeAny(inner, VALUE, member);
      });
    } else {
      throw new Error(`openapi: no protobuf field for ${key}`);
    }
  }
}

/** JSON is YAML. */
function writeAny(writer: Writer, at: number, value: unknown): void {
  nested(writer, [at], (any) => void tag(any, YAML, LENGTH_DELIMITED).string(`${JSON.stringify(value)}\n`));
}

function writeField(writer: Writer, path: readonly number[], type: FieldType, value: unknown): void {
  const at = path[0]!;
  if (type === "string") tag(writer, at, LENGTH_DELIMITED).string(value as string);
  else if (type === "bool") tag(writer, at, VARINT).bool(value as boolean);
  else if (type === "int64") tag(writer, at, VARINT).int64(value as number);
  else if (type === "double") tag(writer, at, FIXED64).double(value as number);
  else if (type === "any") writeAny(writer, at, value);
  else if (type === "anys") for (const item of value as readonly unknown[]) writeAny(writer, at, item);
  else if (type === "strings") {
    for (const text of value as readonly string[]) tag(writer, at, LENGTH_DELIMITED).string(text);
  } else if (type === "type") {
    nested(writer, path, (inner) => void tag(inner, 1, LENGTH_DELIMITED).string(value as string));
  } else if ("message" in type) {
    nested(writer, path, (inner) => writeMessage(inner, value as SchemaObject, type.message));
  } else if ("each" in type) {
    for (const item of value as readonly SchemaObject[]) {
      nested(writer, path, (inner) => writeMessage(inner, item, type.each));
    }
  } else {
    nested(writer, path, (inner) => {
      for (const [name, member] of Object.entries(value as Readonly<Record<string, SchemaObject>>)) {
        writeNamed(inner, type.at, name, member, type.named);
      }
    });
  }
}

function writeNamed(
  writer: Writer,
  at: number,
  name: string,
  value: SchemaObject,
  message: MessageName,
): void {
  nested(writer, [at], (inner) => {
    tag(inner, NAME, LENGTH_DELIMITED).string(name);
    const path = message === "response" ? [VALUE, RESPONSE_CHOICE] : [VALUE];
    nested(inner, path, (content) => writeMessage(content, value, message));
  });
}
