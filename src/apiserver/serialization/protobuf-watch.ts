/** The events of watches in protobuf: frames with a WatchEvent around an object in its envelope. @module */
import {
  encodeMessage,
  encodeProtobuf,
  encodeWatchFrame,
  wrapProtobuf,
  type JsonObject,
  type KubeObject,
} from "#apimachinery";
import { lookupType } from "#api";
import type { ProtobufForm, Representation } from "../handlers/request.ts";
import type { WatchItem } from "../watchcache/watcher.ts";

/** Without a transformation all watchers of an event share its bytes. `bookmark` makes the object of a bookmark. */
export function protobufWatchItem(
  item: WatchItem,
  { transform, protobuf }: Representation,
  bookmark: (item: Extract<WatchItem, { type: "bookmark" }>) => KubeObject,
): Uint8Array {
  const form = protobuf!;
  const frame = (type: string, object: KubeObject): Uint8Array =>
    encodeWatchFrame(type, enveloped(transform?.(object) ?? object, form));
  switch (item.type) {
    case "event": {
      const { event } = item;
      if (transform !== undefined) return frame(event.type, event.object.object);
      return event.frame(() =>
        encodeWatchFrame(event.type, wrapProtobuf(event.object.protobuf(form.schema), form)),
      );
    }
    case "bookmark":
      return frame("BOOKMARK", bookmark(item));
    case "error":
    default: {
      const status = { ...item.error.toStatus() };
      return encodeWatchFrame("ERROR", encodeProtobuf(status, lookupType("meta/v1", "Status")!));
    }
  }
}

function enveloped(object: unknown, form: ProtobufForm): Uint8Array {
  return wrapProtobuf(encodeMessage(object as JsonObject, form.schema), form);
}
