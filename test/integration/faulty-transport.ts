/** A transport to a server that misbehaves: writes that conflict, watches that lag. @module */
import { StatusError, type Clock, type WatchEvent } from "#apimachinery";
import type { Request, Transport } from "#client";

export interface Faults {
  /** Whether the next write is refused with a conflict, without having been made. */
  readonly refuses: (request: Request) => boolean;
  /** How late the next event of a watch is told of; never before the one before it. */
  readonly lagMs: () => number;
}

export function faultyTransport(transport: Transport, { refuses, lagMs }: Faults, clock: Clock): Transport {
  return {
    async request(request, signal) {
      if (request.method !== "GET" && refuses(request))
        throw new StatusError("Conflict", `Operation cannot be fulfilled on ${request.path}: made to fail`);
      return transport.request(request, signal);
    },
    watch: (request, signal) => late(transport.watch(request, signal), lagMs, clock, signal),
    stream: (request, signal) => transport.stream(request, signal),
  };
}

async function* late(
  events: AsyncIterable<WatchEvent>,
  lagMs: () => number,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const waiting: { readonly event: WatchEvent; readonly dueMs: number }[] = [];
  let wake = Promise.withResolvers<void>();
  const end: { isOver: boolean; err?: unknown } = { isOver: false };
  const reading = (async () => {
    try {
      for await (const event of events) {
        waiting.push({ event, dueMs: clock.monotonicMs() + lagMs() });
        wake.resolve();
      }
    } catch (err) {
      end.err = err;
    }
    end.isOver = true;
    wake.resolve();
  })();
  while (!end.isOver || waiting.length > 0) {
    const next = waiting.shift();
    if (next === undefined) {
      await wake.promise;
      wake = Promise.withResolvers();
      continue;
    }
    const leftMs = next.dueMs - clock.monotonicMs();
    if (leftMs > 0) await clock.sleep(leftMs, signal);
    yield next.event;
  }
  await reading;
  if (end.err !== undefined) throw end.err;
}

/** Numbers from 0 to 1 that are the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
