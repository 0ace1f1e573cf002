/** The events of several runtimes as one stream. @module */
import type { ContainerEvent } from "../container.ts";
import { queue } from "../event-queue.ts";
import type { RuntimeService } from "../runtime.ts";

/** A listener further behind gets a resync. */
const QUEUED_EVENTS_MAX = 4_096;

export async function* mergeEvents(
  runtimes: readonly Pick<RuntimeService, "containerEvents">[],
  signal: AbortSignal,
): AsyncIterable<ContainerEvent | "resync"> {
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const events = queue<ContainerEvent | "resync">(QUEUED_EVENTS_MAX, "resync");
  const reading = Promise.all(
    runtimes.map(async (runtime) => {
      try {
        for await (const event of runtime.containerEvents(ended)) events.push(event);
      } finally {
        // Nobody may go on listening to half of the events.
        stop.abort();
      }
    }),
  );
  // Awaited below, where the caller sees it.
  reading.catch(() => {});
  try {
    yield* events.drain(ended);
  } finally {
    stop.abort();
    await reading;
  }
}
