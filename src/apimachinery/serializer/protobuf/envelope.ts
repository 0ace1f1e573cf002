/** `application/vnd.kubernetes.protobuf`: messages with their type in front, and the frames of watches. @module */
import type { JsonObject } from "../../json.ts";
import { own } from "../../json.ts";
import type { StructSchema } from "../../schema.ts";
import { decodeMessage } from "./decode.ts";
import { encodeMessage } from "./encode.ts";
import { fieldBytes } from "./leaves.ts";
import { ProtobufError } from "./reader.ts";
import { BYTES, ReverseWriter } from "./writer.ts";

export const PROTOBUF_MEDIA_TYPE = "application/vnd.kubernetes.protobuf";
/** `k8s` and a zero. */
const MAGIC = Uint8Array.of(0x6b, 0x38, 0x73, 0);
const decoder = new TextDecoder();

/** What an envelope says of its content. */
export interface ProtobufType {
  readonly apiVersion: string;
  readonly kind: string;
}

/** A whole object with magic, type and message; `apiVersion` and `kind` are the object's own. */
export function encodeProtobuf(object: JsonObject, schema: StructSchema): Uint8Array<ArrayBuffer> {
  const type = { apiVersion: own(object, "apiVersion"), kind: own(object, "kind") } as ProtobufType;
  return wrapProtobuf(encodeMessage(object, schema), type);
}

/** The message of an object in its envelope. */
export function wrapProtobuf(message: Uint8Array, type: ProtobufType): Uint8Array<ArrayBuffer> {
  const head = protobufHead(type, message.length);
  const out = new Uint8Array(head.length + message.length + PROTOBUF_TAIL.length);
  out.set(head, 0);
  out.set(message, head.length);
  out.set(PROTOBUF_TAIL, head.length + message.length);
  return out;
}

/** What stands before a message of `messageLength` bytes; `PROTOBUF_TAIL` stands after it. */
export function protobufHead({ apiVersion, kind }: ProtobufType, messageLength: number): Uint8Array {
  const writer = new ReverseWriter();
  writer.varint(messageLength);
  writer.tag(2, BYTES);
  const beforeType = writer.length;
  writeText(writer, 2, kind);
  writeText(writer, 1, apiVersion);
  writer.delimit(1, beforeType);
  writer.bytes(MAGIC);
  return writer.finish();
}

/** Fields 3 and 4 (encoding and content type of the message) are empty, and written by upstream all the same. */
export const PROTOBUF_TAIL: Uint8Array = Uint8Array.of(0x1a, 0, 0x22, 0);

/** What stands before the bytes of field `number`. */
export function fieldHead(number: number, length: number): Uint8Array {
  const writer = new ReverseWriter();
  writer.varint(length);
  writer.tag(number, BYTES);
  return writer.finish();
}

export function isProtobuf(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

/** The type in the envelope. Throws `ProtobufError` when there is none. */
export function protobufTypeOf(bytes: Uint8Array): ProtobufType {
  const type = fieldBytes(inside(bytes), 1) ?? new Uint8Array();
  const text = (number: number): string => decoder.decode(fieldBytes(type, number) ?? new Uint8Array());
  return { apiVersion: text(1), kind: text(2) };
}

/** The object in an envelope; `schemaOf` gives the schema of its type, undefined when the type is not known. */
export function decodeProtobuf(
  bytes: Uint8Array,
  schemaOf: (type: ProtobufType) => StructSchema | undefined,
): JsonObject {
  const type = protobufTypeOf(bytes);
  const schema = schemaOf(type);
  if (schema === undefined) {
    throw new ProtobufError(
      `no kind ${JSON.stringify(type.kind)} is registered for version ${JSON.stringify(type.apiVersion)}`,
    );
  }
  return { ...type, ...decodeMessage(fieldBytes(inside(bytes), 2) ?? new Uint8Array(), schema) };
}

/** One frame of a watch: four bytes of length, then a WatchEvent around an enveloped object. */
export function encodeWatchFrame(type: string, object: Uint8Array): Uint8Array<ArrayBuffer> {
  const writer = new ReverseWriter();
  const beforeObject = writer.length;
  writer.bytes(object);
  writer.delimit(1, beforeObject);
  writer.delimit(2, beforeObject);
  writeText(writer, 1, type);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, writer.length);
  writer.bytes(length);
  return writer.finish();
}

/** The WatchEvent of a frame's content (without its four bytes of length): its type and the enveloped object. */
export function decodeWatchEvent(bytes: Uint8Array): { readonly type: string; readonly object: Uint8Array } {
  const empty = new Uint8Array();
  return {
    type: decoder.decode(fieldBytes(bytes, 1) ?? empty),
    object: fieldBytes(fieldBytes(bytes, 2) ?? empty, 1) ?? empty,
  };
}

function inside(bytes: Uint8Array): Uint8Array {
  if (!isProtobuf(bytes)) {
    throw new ProtobufError(
      "provided data does not appear to be a protobuf message, expected prefix k8s\\x00",
    );
  }
  return bytes.subarray(MAGIC.length);
}

function writeText(writer: ReverseWriter, number: number, value: unknown): void {
  const before = writer.length;
  writer.string(typeof value === "string" ? value : "");
  writer.delimit(number, before);
}
