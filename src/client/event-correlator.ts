/** Keeps events few: repeats are counted, similar ones combined, and a source that floods is cut off. @module */
import { formatTime, type Clock } from "#apimachinery";
import type { Event } from "#api/core/v1/types.gen";
import { LruMap } from "./lru.ts";

/** Upstream's defaults (`events_cache.go`). */
const CACHE_ENTRIES_MAX = 4_096;
const SPAM_BURST = 25;
const SPAM_PER_SECOND = 1 / 300;
const AGGREGATE_EVENTS_MAX = 10;
const AGGREGATE_INTERVAL_MS = 600_000;

interface Similar {
  readonly messages: Set<string>;
  lastMs: number;
}

/** What the server holds of an event that was written before. */
interface Written {
  readonly name: string;
  readonly firstTimestamp: string;
  readonly count: number;
}

/** What to do with an event; undefined: drop it. */
export interface Correlated {
  readonly key: string;
  readonly event: Event;
  /** Fields to change in the event of that name, which was written before; undefined: create it. */
  readonly patch: Readonly<Record<string, unknown>> | undefined;
}

export class EventCorrelator {
  readonly #clock: Clock;
  readonly #eventName: (objectName: string) => string;
  readonly #limiters = new LruMap<string, () => boolean>(CACHE_ENTRIES_MAX);
  readonly #similar = new LruMap<string, Similar>(CACHE_ENTRIES_MAX);
  readonly #written = new LruMap<string, Written>(CACHE_ENTRIES_MAX);

  constructor(clock: Clock, eventName: (objectName: string) => string) {
    this.#clock = clock;
    this.#eventName = eventName;
  }

  correlate(incoming: Event): Correlated | undefined {
    const { event, key } = this.#aggregate(incoming);
    const written = this.#written.get(key);
    const correlated = written === undefined ? { key, event, patch: undefined } : repeat(key, event, written);
    this.written(key, correlated.event);
    return this.#isSpam(correlated.event) ? undefined : correlated;
  }

  /** `event` is, or will be, what the server holds; the next one like it patches it. */
  written(key: string, event: Event): void {
    this.#written.set(key, {
      name: event.metadata.name,
      firstTimestamp: event.firstTimestamp ?? "",
      count: event.count ?? 1,
    });
  }

  /** From the tenth distinct message on, one combined event stands for all of them. */
  #aggregate(event: Event): { readonly event: Event; readonly key: string } {
    const nowMs = this.#clock.now();
    const groupKey = similarityKey(event);
    let similar = this.#similar.get(groupKey);
    if (similar === undefined || nowMs - similar.lastMs > AGGREGATE_INTERVAL_MS) {
      similar = { messages: new Set(), lastMs: nowMs };
      this.#similar.set(groupKey, similar);
    }
    const message = event.message ?? "";
    similar.messages.add(message);
    similar.lastMs = nowMs;
    if (similar.messages.size < AGGREGATE_EVENTS_MAX) return { event, key: eventKey(event) };

    // Room for one more, so that the set stays at the limit and the next message is over it too.
    const [any] = similar.messages;
    similar.messages.delete(any!);
    const name = this.#eventName(event.involvedObject.name ?? "");
    const time = formatTime(nowMs);
    const { apiVersion, kind, involvedObject, type, reason, source } = event;
    // Neither annotations nor a reporting component: it stands for several events.
    const combined: Event = {
      apiVersion,
      kind,
      involvedObject,
      ...(type !== undefined && { type }),
      ...(reason !== undefined && { reason }),
      ...(source !== undefined && { source }),
      metadata: { name, namespace: event.metadata.namespace ?? "default" },
      message: `(combined from similar events): ${message}`,
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
    };
    return { event: combined, key: groupKey };
  }

  #isSpam(event: Event): boolean {
    const key = spamKey(event);
    let tryAccept = this.#limiters.get(key);
    if (tryAccept === undefined) {
      tryAccept = passiveBucket(this.#clock);
      this.#limiters.set(key, tryAccept);
    }
    return !tryAccept();
  }
}

function repeat(key: string, event: Event, written: Written): Correlated {
  const { name, firstTimestamp } = written;
  const count = written.count + 1;
  const metadata = { ...event.metadata, name };
  const patch = { count, lastTimestamp: event.lastTimestamp, message: event.message };
  return { key, event: { ...event, metadata, firstTimestamp, count }, patch };
}

/** A token bucket from which a refused event takes nothing; says whether there was a token. */
function passiveBucket(clock: Clock): () => boolean {
  const perMs = SPAM_PER_SECOND / 1_000;
  let tokens = SPAM_BURST;
  let updatedMs = clock.monotonicMs();
  return () => {
    const nowMs = clock.monotonicMs();
    tokens = Math.min(SPAM_BURST, tokens + (nowMs - updatedMs) * perMs);
    updatedMs = nowMs;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}

function spamKey({ source, involvedObject: object, type }: Event): string {
  const { kind, namespace, name, uid, apiVersion } = object;
  return [source?.component, source?.host, kind, namespace, name, uid, apiVersion, type].join("\0");
}

/** Also of different parts of one object: all containers of a pod together. */
function similarityKey(event: Event): string {
  const { reportingComponent, reportingInstance, reason } = event;
  return [spamKey(event), reason, reportingComponent, reportingInstance].join("\0");
}

function eventKey(event: Event): string {
  const { involvedObject, reason, message } = event;
  return [spamKey(event), involvedObject.fieldPath, reason, message].join("\0");
}
