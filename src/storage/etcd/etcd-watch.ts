/** A watch that outlives connections: after each break it goes on behind the last revision it delivered. @module */
import { status, type ServiceError } from "@grpc/grpc-js";
import { type Clock, pause } from "#apimachinery";
import { Compacted, type Change, type Entry, type Revision } from "../store.ts";
import type { EtcdClient, KeyValue, WatchResponse } from "./etcd-client.ts";
import { EVENT_DELETE } from "./messages.ts";

export interface EtcdWatchOptions {
  readonly client: EtcdClient;
  readonly clock: Clock;
  readonly key: Buffer;
  readonly rangeEnd: Buffer;
  readonly from: Revision;
  /** Turns an etcd key into one of the store's. */
  readonly keyOf: (key: Buffer) => string;
  readonly onProgress: ((revision: Revision) => void) | undefined;
  /** Told how to ask the open stream for its progress, and undefined when it is closed. */
  readonly onStream: (requestProgress: (() => void) | undefined) => void;
}

const RECONNECT_DELAY_MS = 100;
const RECONNECT_DELAY_MAX_MS = 5_000;

/** Ends when the signal aborts; throws what reconnecting cannot mend. */
export async function* watchEtcd(
  options: EtcdWatchOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly Change[], void> {
  let position = options.from;
  let delayMs = RECONNECT_DELAY_MS;
  while (!signal.aborted) {
    try {
      for await (const response of responses(options, position, signal)) {
        delayMs = RECONNECT_DELAY_MS;
        const changes = response.events.map((event) => toChange(event, options.keyOf));
        // Also where nothing of ours changed: a progress notice saves the next connection the search.
        const through = options.onProgress === undefined ? 0 : progressOf(response);
        position = Math.max(position, changes.at(-1)?.revision ?? through);
        if (changes.length > 0) yield changes;
        else options.onProgress?.(position);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isConnectionError(error)) throw error;
    }
    options.client.rotate();
    await pause(options.clock, delayMs, signal);
    delayMs = Math.min(delayMs * 2, RECONNECT_DELAY_MAX_MS);
  }
}

/** The responses of one stream, put together from their fragments. */
async function* responses(
  { client, key, rangeEnd, onStream }: EtcdWatchOptions,
  position: Revision,
  signal: AbortSignal,
): AsyncGenerator<WatchResponse, void> {
  const stream = client.watch();
  const onAbort = (): void => stream.cancel();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const startRevision = position + 1;
    const create = { key, rangeEnd, startRevision, progressNotify: true, prevKv: true, fragment: true };
    stream.write({ createRequest: create });
    onStream(() => void stream.write({ progressRequest: {} }));
    let fragments: WatchResponse["events"] = [];
    for await (const response of stream as AsyncIterable<WatchResponse>) {
      if (response.compactRevision > 0) throw new Compacted(position, response.compactRevision);
      if (response.canceled) throw new WatchCanceled(response.cancelReason);
      if (response.created) continue;
      fragments = fragments.length === 0 ? response.events : [...fragments, ...response.events];
      if (response.fragment) continue;
      yield { ...response, events: fragments };
      fragments = [];
    }
  } finally {
    onStream(undefined);
    signal.removeEventListener("abort", onAbort);
    // Cancelling makes the stream fail, after nobody listens any more.
    stream.on("error", () => {});
    stream.cancel();
  }
}

/** The server gave up on the watch, for example because it lost its leader. */
class WatchCanceled extends Error {
  override readonly name = "WatchCanceled";
}

/** A response without events says that everything up to its revision was sent. */
function progressOf(response: WatchResponse): Revision {
  return response.events.length === 0 ? response.header.revision : 0;
}

function isConnectionError(error: unknown): boolean {
  if (error instanceof WatchCanceled) return /no leader|leader changed/.test(error.message);
  const { code } = error as ServiceError;
  return (
    code === status.UNAVAILABLE ||
    code === status.CANCELLED ||
    code === status.INTERNAL ||
    code === status.UNKNOWN
  );
}

function toChange(
  { type, kv, prevKv }: WatchResponse["events"][number],
  keyOf: (key: Buffer) => string,
): Change {
  const key = keyOf(kv.key);
  const revision = kv.modRevision;
  const previous = prevKv === null ? undefined : toEntry(prevKv, keyOf);
  const isUpdate = type === EVENT_DELETE || kv.createRevision !== revision;
  // Compacted between the change and our asking: what stood before is gone, and with it the whole story.
  if (isUpdate && previous === undefined) throw new Compacted(revision - 1, revision);
  return { key, revision, value: type === EVENT_DELETE ? undefined : kv.value, previous };
}

export function toEntry(kv: KeyValue, keyOf: (key: Buffer) => string): Entry {
  return { key: keyOf(kv.key), value: kv.value, revision: kv.modRevision };
}
