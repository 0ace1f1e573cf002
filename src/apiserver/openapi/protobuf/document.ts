/** OpenAPI version 2 as gnostic's protobuf `Document`, which Go clients read faster than JSON. @module */
import protobuf from "protobufjs/minimal.js";
import {
  definitionEntries,
  INFO,
  pathEntries,
  SECURITY,
  type DocumentSource,
  type Entry,
} from "../document.ts";
import type { SchemaObject } from "../schema-object.ts";
import { encodeMessage, encodeNamed, fieldHeader } from "./encode.ts";
import type { MessageName } from "./messages.ts";

/** Numbers of the fields of `Document`. */
const SWAGGER = 1;
const INFO_FIELD = 2;
const PATHS = 8;
const DEFINITIONS = 9;
const SECURITY_DEFINITIONS = 13;
/** `Paths.path`, `Definitions.additional_properties`. */
const PATHS_PATH = 2;
const ADDITIONAL_PROPERTIES = 1;
/** `SecurityDefinitionsItem.api_key_security`. */
const API_KEY = 2;
const STRING_TAG = 2;

export async function* protobufV2(source: DocumentSource): AsyncGenerator<Uint8Array> {
  const roots = new Set<string>();
  yield protobuf.Writer.create()
    .uint32((SWAGGER << 3) | STRING_TAG)
    .string("2.0")
    .finish();
  yield* field(INFO_FIELD, [encodeMessage(INFO, "info")]);
  yield* entries(PATHS, PATHS_PATH, pathEntries(source, roots), "pathItem");
  yield* entries(DEFINITIONS, ADDITIONAL_PROPERTIES, definitionEntries(source, roots), "schema");
  yield* field(SECURITY_DEFINITIONS, securityDefinitions());
}

/** `source` without what others have that cannot be said in protobuf: their documents may hold anything. */
export function encodable(source: DocumentSource): DocumentSource {
  if (source.added === undefined) return source;
  const paths = source.added.paths.filter((entry) => isEncodable(entry, "pathItem"));
  const definitions = source.added.definitions.filter((entry) => isEncodable(entry, "schema"));
  return { ...source, added: { paths, definitions } };
}

function isEncodable([name, value]: Entry, message: MessageName): boolean {
  try {
    return encodeNamed(PATHS_PATH, name, value, message).length > 0;
  } catch {
    return false;
  }
}

/** Readers merge a message that comes in pieces: each entry is one, and nothing has to be measured ahead. */
async function* entries(
  at: number,
  inner: number,
  all: Iterable<Entry> | AsyncIterable<Entry>,
  message: MessageName,
): AsyncGenerator<Uint8Array> {
  for await (const [name, value] of all) {
    yield* field(at, [encodeNamed(inner, name, value, message)]);
  }
}

function* field(at: number, content: readonly Uint8Array[]): Generator<Uint8Array> {
  const bytes = Buffer.concat(content);
  yield fieldHeader(at, bytes.length);
  yield bytes;
}

function securityDefinitions(): readonly Uint8Array[] {
  return Object.entries(SECURITY).map(([name, value]) => {
    const key = encodeMessage(value as SchemaObject, "apiKey");
    const item = Buffer.concat([fieldHeader(API_KEY, key.length), key]);
    const named = protobuf.Writer.create()
      .uint32((1 << 3) | STRING_TAG)
      .string(name);
    const content = Buffer.concat([named.finish(), fieldHeader(2, item.length), item]);
    return Buffer.concat([fieldHeader(ADDITIONAL_PROPERTIES, content.length), content]);
  });
}
