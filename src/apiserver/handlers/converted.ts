/** Stored objects in the version that a request asks for, where somebody else must be asked what they look like. @module */
import type { KubeObject } from "#apimachinery";
import { toBytes } from "../registry/object-bytes.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import { CacheEvent } from "../watchcache/cache-event.ts";
import { CachedObject } from "../watchcache/cached-object.ts";
import { EVERYTHING, type Selection } from "../watchcache/selection.ts";
import { Watcher, type WatchItem } from "../watchcache/watcher.ts";

/** Events that are converted with one call. */
const EVENTS_MAX = 100;

/** The conversion that a representation still has to make: none when the objects were converted before. */
export function conversionOf({
  custom,
  fromStored,
}: ServedResource): ((object: KubeObject) => KubeObject) | undefined {
  return custom?.conversion === undefined ? fromStored : undefined;
}

/** The objects as `served` shows them; the same ones when representations can do that by themselves. */
export async function converted(
  { custom, kind }: ServedResource,
  objects: readonly CachedObject[],
  signal: AbortSignal,
): Promise<readonly CachedObject[]> {
  if (custom?.conversion === undefined) return objects;
  const read = await custom.conversion.read(
    objects.map(({ object }) => object),
    signal,
  );
  return objects.map(({ key, revision, layout }, i) => {
    const bytes = toBytes(kind, read[i]!);
    if (revision === 0) return CachedObject.unstored(key, bytes, layout);
    return new CachedObject(key, revision, bytes, layout);
  });
}

/** Those of `objects` that are asked for by fields which only the conversion knows. */
export async function chosen(
  served: ServedResource,
  { matchesShown }: Selection,
  objects: readonly CachedObject[],
  signal: AbortSignal,
): Promise<readonly CachedObject[]> {
  if (matchesShown === undefined) return objects;
  const shown = await converted(served, objects, signal);
  return objects.filter((_, i) => matchesShown(shown[i]!.object));
}

/** One object that a handler works with. */
export async function readOne(
  { custom, fromStored }: ServedResource,
  object: KubeObject,
  signal: AbortSignal,
): Promise<KubeObject> {
  if (custom?.conversion !== undefined) return (await custom.conversion.read([object], signal))[0]!;
  return fromStored === undefined ? object : fromStored(object);
}

/** A watch whose events pass through the conversion, in order. It ends when a conversion fails, so that its client lists again. */
export function convertedWatcher(
  served: ServedResource,
  source: Watcher,
  selection: Selection,
  backlogBytesMax: number,
  signal: AbortSignal,
): Watcher {
  if (served.custom?.conversion === undefined) return source;
  const relay = new Watcher({
    selection: EVERYTHING,
    initial: [],
    bookmarks: source.wantsBookmarks,
    backlogBytesMax,
    onStop: () => source.stop(),
  });
  let isPumping = false;
  const pump = async (): Promise<void> => {
    while (!source.isEmpty && !relay.isEnded) {
      const items = await convertedItems(served, selection, source.take(EVENTS_MAX), signal);
      for (const item of items) relay.forward(item);
    }
    if (source.isEnded) relay.stop();
  };
  source.onReady(() => {
    if (isPumping) return;
    isPumping = true;
    pump()
      .catch(() => relay.stop())
      .finally(() => (isPumping = false));
  });
  return relay;
}

async function convertedItems(
  served: ServedResource,
  { matchesShown }: Selection,
  items: readonly WatchItem[],
  signal: AbortSignal,
): Promise<readonly WatchItem[]> {
  const events = items.filter((item) => item.type === "event").map(({ event }) => event);
  const before = matchesShown === undefined ? [] : events.flatMap(({ previous }) => previous ?? []);
  const stored = [...events.map(({ object }) => object), ...before];
  const objects = await converted(served, stored, signal);
  const shown = new Map(stored.map((object, i) => [object, objects[i]!]));
  return items.flatMap((item): readonly WatchItem[] => {
    if (item.type !== "event") return [item];
    const seen = throughConversion(item.event, shown, matchesShown);
    return seen === undefined ? [] : [{ type: "event", event: seen }];
  });
}

/** What the event is to a watcher who chooses by fields of the shown objects: they may begin to fit, or cease to. */
function throughConversion(
  { type, object, previous }: CacheEvent,
  shown: ReadonlyMap<CachedObject, CachedObject>,
  matchesShown: Selection["matchesShown"],
): CacheEvent | undefined {
  const before = previous === undefined ? undefined : shown.get(previous);
  const event = new CacheEvent(type, shown.get(object)!, before);
  if (matchesShown === undefined) return event;
  const matches = matchesShown(event.object.object);
  if (type !== "MODIFIED") return matches ? event : undefined;
  const matched = before !== undefined && matchesShown(before.object);
  if (matches) return event.as(matched ? "MODIFIED" : "ADDED");
  return matched ? event.as("DELETED") : undefined;
}
