/** Lists in protobuf. Their length comes first, so every item is encoded before the first byte leaves. @module */
import {
  encodeMessage,
  fieldHead,
  PROTOBUF_TAIL,
  protobufHead,
  type JsonObject,
  type ProtobufType,
} from "#apimachinery";
import { lookupType } from "#api";
import { listMetadataOf, SLICE_BYTES_MAX } from "../handlers/encode.ts";
import type { ObjectList, Representation } from "../handlers/request.ts";
import type { CachedObject } from "../watchcache/cached-object.ts";
import { yieldToLoop } from "../watchcache/watch-cache.ts";
import { META_GROUP } from "./protobuf-form.ts";

/** Items encoded between two turns of the event loop. */
const ENCODED_ITEMS_MAX = 100;
/** Numbers of the fields of every list. */
const METADATA = 1;
const ITEMS = 2;

/** The whole list in slices of about `SLICE_BYTES_MAX`; nothing is copied before the consumer takes it. */
export async function protobufList(
  list: ObjectList,
  as: Representation,
  signal: AbortSignal,
): Promise<Generator<Uint8Array>> {
  const metadata = encodeMessage({ ...listMetadataOf(list) }, lookupType("meta/v1", "ListMeta")!);
  const parts: Uint8Array[] = [fieldHead(METADATA, metadata.length), metadata];
  for (const [i, item] of list.items.entries()) {
    const message = itemMessage(item, as);
    parts.push(fieldHead(ITEMS, message.length), message);
    if (i % ENCODED_ITEMS_MAX === ENCODED_ITEMS_MAX - 1) {
      await yieldToLoop();
      signal.throwIfAborted();
    }
  }
  let length = 0;
  for (const part of parts) length += part.length;
  return slices([protobufHead(typeOf(list, as), length), ...parts, PROTOBUF_TAIL]);
}

function itemMessage(item: CachedObject, { transform, protobuf }: Representation): Uint8Array {
  const { schema } = protobuf!;
  if (transform === undefined) return item.protobuf(schema);
  return encodeMessage(transform(item.object) as JsonObject, schema);
}

function typeOf(list: ObjectList, { protobuf }: Representation): ProtobufType {
  const { apiVersion } = protobuf!;
  const isPartial = apiVersion.startsWith(`${META_GROUP}/`);
  return isPartial ? { apiVersion, kind: "PartialObjectMetadataList" } : list;
}

function* slices(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  let slice: Uint8Array[] = [];
  let size = 0;
  for (const part of parts) {
    slice.push(part);
    size += part.length;
    if (size >= SLICE_BYTES_MAX) {
      yield Buffer.concat(slice);
      slice = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(slice);
}
