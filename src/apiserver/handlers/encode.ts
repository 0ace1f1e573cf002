/** Objects and lists as bytes, in pieces small enough for the event loop and for memory. @module */
import {
  encodeMessage,
  encodeProtobuf,
  formatYaml,
  wrapProtobuf,
  type JsonObject,
  type KubeObject,
} from "#apimachinery";
import { protobufWatchItem } from "../serialization/protobuf-watch.ts";
import { eventLine } from "../watchcache/cache-event.ts";
import type { CachedObject } from "../watchcache/cached-object.ts";
import type { WatchItem } from "../watchcache/watcher.ts";
import { alternatingBuffers, freshBuffers, type SliceBuffers } from "./slice-buffers.ts";
import type { ListFrame, ListMetadata, ObjectList, Representation } from "./request.ts";

/** A LIST is written in slices of about this size, each after the one before has left. */
export const SLICE_BYTES_MAX: number = 256 * 1024;
/** A slice ends with the object that fills it: most are much smaller than this margin. */
const SLICE_CAPACITY = SLICE_BYTES_MAX + 64 * 1024;
/** Transformed items between two slices: a transformation costs far more than a copy. */
const TRANSFORMED_ITEMS_MAX = 200;

const COMMA = Buffer.from(",");
const NOTHING = new Uint8Array();
const INITIAL_EVENTS_END = { "k8s.io/initial-events-end": "true" };

/** Any value in the format asked for. */
export function encodeValue(
  value: unknown,
  as: Pick<Representation, "format" | "pretty" | "protobuf"> | undefined,
): Uint8Array | string {
  if (as?.protobuf !== undefined) return encodeProtobuf(value as JsonObject, as.protobuf.schema);
  if (as?.format === "yaml") return formatYaml(value);
  return as?.pretty === true ? `${JSON.stringify(value, undefined, 2)}\n` : `${JSON.stringify(value)}\n`;
}

/** One stored object: its own bytes unless another form was asked for. */
export function encodeObject(object: CachedObject, as: Representation): Uint8Array | string {
  if (as.transform === undefined && as.format === "json" && !as.pretty) return object.bytes;
  if (as.transform === undefined && as.protobuf !== undefined) {
    return wrapProtobuf(object.protobuf(as.protobuf.schema), as.protobuf);
  }
  const value = as.transform === undefined ? object.object : as.transform(object.object);
  if (as.protobuf !== undefined) {
    return wrapProtobuf(encodeMessage(value as JsonObject, as.protobuf.schema), as.protobuf);
  }
  return encodeValue(value, as);
}

export function listMetadataOf(list: ObjectList): ListMetadata {
  const { resourceVersion, remainingItemCount } = list;
  return {
    resourceVersion,
    ...(list.continue !== undefined && { continue: list.continue }),
    ...(remainingItemCount !== undefined && { remainingItemCount }),
  };
}

/**
 * The whole list as text, in slices; nothing is built before the consumer takes it. A slice is valid until the one after
 * the next is asked for.
 */
export function* encodeList(list: ObjectList, as: Representation): Generator<Uint8Array | string> {
  if (as.format === "yaml" || as.pretty) {
    const slices = [...jsonSlices(list, as, freshBuffers)].map(toBuffer);
    yield encodeValue(JSON.parse(Buffer.concat(slices).toString()), as);
    return;
  }
  yield* jsonSlices(list, as, alternatingBuffers(SLICE_CAPACITY));
}

function* jsonSlices(
  list: ObjectList,
  as: Representation,
  buffers: SliceBuffers,
): Generator<Uint8Array | string> {
  const metadata = listMetadataOf(list);
  const { head, tail } = as.list?.(metadata) ?? plainFrame(list, metadata);
  if (as.transform === undefined) yield* storedSlices(list.items, head, tail, buffers);
  else yield* transformedSlices(list.items, as.transform, head, tail);
}

function* storedSlices(
  items: readonly CachedObject[],
  head: string,
  tail: string,
  buffers: SliceBuffers,
): Generator<Uint8Array> {
  let before: Uint8Array = Buffer.from(head);
  for (let start = 0, end = 0; end < items.length; start = end) {
    let size = before.length;
    for (; end < items.length && size < SLICE_BYTES_MAX; end++) size += items[end]!.byteLength + COMMA.length;
    // The last object has no comma behind it, but for `after`.
    const after = end < items.length ? COMMA : Buffer.from(tail);
    yield joined(before, items.slice(start, end), after, buffers(size - COMMA.length + after.length));
    before = NOTHING;
  }
  if (items.length === 0) yield Buffer.from(head + tail);
}

function joined(
  before: Uint8Array,
  items: readonly CachedObject[],
  after: Uint8Array,
  out: Uint8Array,
): Uint8Array {
  out.set(before, 0);
  let at = before.length;
  for (const [i, item] of items.entries()) {
    if (i > 0) out[at++] = COMMA[0]!;
    item.writeBytes(out, at);
    at += item.byteLength;
  }
  out.set(after, at);
  return out.subarray(0, at + after.length);
}

function* transformedSlices(
  items: readonly CachedObject[],
  transform: (object: KubeObject) => unknown,
  head: string,
  tail: string,
): Generator<string> {
  let text = head;
  for (const [i, item] of items.entries()) {
    if (i > 0) text += ",";
    text += JSON.stringify(transform(item.object));
    if (i % TRANSFORMED_ITEMS_MAX === TRANSFORMED_ITEMS_MAX - 1) {
      yield text;
      text = "";
    }
  }
  yield text + tail;
}

function plainFrame(list: ObjectList, metadata: ListMetadata): ListFrame {
  const { kind, apiVersion } = list;
  const head = JSON.stringify({ kind, apiVersion, metadata }).slice(0, -1);
  return { head: `${head},"items":[`, tail: "]}\n" };
}

/** A line of a watch. Without a transformation all watchers of an event share its bytes. */
export function encodeWatchItem(
  item: WatchItem,
  as: Representation,
  kind: { readonly apiVersion: string; readonly kind: string },
): Uint8Array | string {
  if (as.protobuf !== undefined) return protobufWatchItem(item, as, (mark) => bookmarkObject(mark, kind));
  switch (item.type) {
    case "event": {
      if (as.transform === undefined) return item.event.line;
      const shown = Buffer.from(JSON.stringify(as.transform(item.event.object.object)));
      return eventLine(item.event.type, shown);
    }
    case "bookmark": {
      const object = bookmarkObject(item, kind);
      const shown = as.transform === undefined ? object : as.transform(object);
      return `${JSON.stringify({ type: "BOOKMARK", object: shown })}\n`;
    }
    case "error":
    default:
      return `${JSON.stringify({ type: "ERROR", object: item.error.toStatus() })}\n`;
  }
}

/** Only its resourceVersion counts; it has no name. */
export function bookmarkObject(
  { revision, initialEventsEnd }: Extract<WatchItem, { type: "bookmark" }>,
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
): KubeObject {
  const metadata = {
    resourceVersion: String(revision),
    ...(initialEventsEnd && { annotations: INITIAL_EVENTS_END }),
  };
  return { kind, apiVersion, metadata: metadata as unknown as KubeObject["metadata"] };
}

function toBuffer(slice: Uint8Array | string): Uint8Array {
  return typeof slice === "string" ? Buffer.from(slice) : slice;
}
