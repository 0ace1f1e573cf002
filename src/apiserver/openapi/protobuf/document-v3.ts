/** OpenAPI version 3 as gnostic's protobuf `Document`. @module */
import protobuf from "protobufjs/minimal.js";
import { isJsonObject } from "#apimachinery";
import { tag } from "./encode.ts";
import { messagesV3, type FieldTypeV3, type MessageNameV3 } from "./messages-v3.ts";

type Writer = protobuf.Writer;
type Value = Readonly<Record<string, unknown>>;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
/** Of `Named…`. */
const NAME = 1;
const VALUE = 2;
/** Of the choices between a thing and a reference to it. */
const THING = 1;
const REFERENCE = 2;
/** `Any.yaml`. */
const YAML = 2;
/** `AdditionalPropertiesItem.boolean`. */
const BOOLEAN = 2;
/** `Responses.default` and `Responses.response_or_reference`. */
const DEFAULT_RESPONSE = 1;
const RESPONSE = 2;

/**
 * Pieces of the message, one for each path and schema: readers merge a message that comes in pieces, and whoever
 * writes can let others have their turn between them. What gnostic has no field for is left out.
 */
export function* protobufV3({ paths, components, ...rest }: Value): Generator<Uint8Array> {
  yield document(rest);
  for (const [path, item] of entriesOf(paths)) yield document({ paths: { [path]: item } });
  for (const [part, all] of entriesOf(components)) {
    for (const [name, value] of entriesOf(all)) yield document({ components: { [part]: { [name]: value } } });
  }
}

function document(value: Value): Uint8Array {
  const writer = protobuf.Writer.create();
  writeMessage(writer, value, "document");
  return writer.finish();
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return isJsonObject(value) ? Object.entries(value) : [];
}

function inside(writer: Writer, at: number, write: () => void): void {
  tag(writer, at, LENGTH_DELIMITED).fork();
  write();
  writer.ldelim();
}

function writeMessage(writer: Writer, value: unknown, name: MessageNameV3): void {
  const { fields, extensions, isChoice } = messagesV3[name];
  if (!isJsonObject(value)) return;
  if (isChoice === true) {
    const { $ref } = value;
    if (typeof $ref === "string") {
      inside(writer, REFERENCE, () => void tag(writer, 1, LENGTH_DELIMITED).string($ref));
      return;
    }
    tag(writer, THING, LENGTH_DELIMITED).fork();
  }
  for (const [key, member] of Object.entries(value)) {
    const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (field !== undefined) writeField(writer, field[0], field[1], member);
    else if (extensions !== undefined && key.startsWith("x-")) {
      writeNamed(writer, extensions, key, () => writeAny(writer, VALUE, member));
    }
  }
  if (isChoice === true) writer.ldelim();
}

function writeNamed(writer: Writer, at: number, name: string, write: () => void): void {
  inside(writer, at, () => {
    tag(writer, NAME, LENGTH_DELIMITED).string(name);
    write();
  });
}

/** JSON is YAML. */
function writeAny(writer: Writer, at: number, value: unknown): void {
  inside(writer, at, () => void tag(writer, YAML, LENGTH_DELIMITED).string(`${JSON.stringify(value)}\n`));
}

function writeField(writer: Writer, at: number, type: FieldTypeV3, value: unknown): void {
  if (typeof type === "object") return writeMessages(writer, at, type, value);
  switch (type) {
    case "string":
      return void tag(writer, at, LENGTH_DELIMITED).string(value as string);
    case "strings":
      for (const text of value as readonly string[]) tag(writer, at, LENGTH_DELIMITED).string(text);
      return;
    case "bool":
      return void tag(writer, at, VARINT).bool(value as boolean);
    case "int64":
      return void tag(writer, at, VARINT).int64(value as number);
    case "double":
      return void tag(writer, at, FIXED64).double(value as number);
    case "any":
      return writeAny(writer, at, value);
    case "anys":
      for (const item of value as readonly unknown[]) writeAny(writer, at, item);
      return;
    case "default":
      return inside(writer, at, () => writeDefault(writer, value));
    case "additionalProperties":
      return inside(writer, at, () => {
        if (typeof value === "boolean") tag(writer, BOOLEAN, VARINT).bool(value);
        else inside(writer, THING, () => writeMessage(writer, value, "schema"));
      });
    case "responses":
    default:
      return inside(writer, at, () => writeResponses(writer, value));
  }
}

function writeMessages(writer: Writer, at: number, type: Extract<FieldTypeV3, object>, value: unknown): void {
  if ("one" in type) return inside(writer, at, () => writeMessage(writer, value, type.one));
  if ("each" in type) {
    for (const item of value as readonly unknown[]) {
      inside(writer, at, () => writeMessage(writer, item, type.each));
    }
    return;
  }
  inside(writer, at, () => {
    if ("item" in type) {
      inside(writer, THING, () => writeMessage(writer, value, type.item));
      return;
    }
    for (const [name, member] of entriesOf(value)) {
      writeNamed(writer, THING, name, () =>
        inside(writer, VALUE, () => writeMessage(writer, member, type.named)),
      );
    }
  });
}

/** `DefaultType`: number, boolean, string. */
function writeDefault(writer: Writer, value: unknown): void {
  if (typeof value === "number") tag(writer, 1, FIXED64).double(value);
  else if (typeof value === "boolean") tag(writer, 2, VARINT).bool(value);
  else if (typeof value === "string") tag(writer, 3, LENGTH_DELIMITED).string(value);
}

function writeResponses(writer: Writer, value: unknown): void {
  for (const [code, response] of entriesOf(value)) {
    const write = (at: number): void => inside(writer, at, () => writeMessage(writer, response, "response"));
    if (code === "default") write(DEFAULT_RESPONSE);
    else writeNamed(writer, RESPONSE, code, () => write(VALUE));
  }
}
