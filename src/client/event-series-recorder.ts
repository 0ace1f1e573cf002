/**
 * Writes events.k8s.io/v1 Events, as kube-scheduler does: what happens again is a series of one Event, whose count is
 * written when the second comes, every half hour, and when nothing more has come for six minutes. Upstream's `tools/events`.
 * @module
 */
import {
  type Clock,
  formatMicroTime,
  isAlreadyExists,
  isNamespaceGone,
  isNotFound,
  type Kind,
  type KubeObject,
  type Logger,
  parseTime,
  pause,
  silentLogger,
  systemClock,
} from "#apimachinery";
import type { Event } from "#api/events/v1/types.gen";
import type { Client, EventOptions } from "./client.ts";
import { dynamicKind } from "./dynamic.ts";
import { EventNames } from "./event-names.ts";
import type { BufferedEventRecorder } from "./event-recorder.ts";
import { DropReport, isFinalRefusal, referenceTo, shortened } from "./event-writes.ts";

export interface EventSeriesRecorderOptions {
  readonly client: Pick<Client, "create" | "patch">;
  /** Who reports: `default-scheduler`. */
  readonly component: string;
  /** Where it runs; the reporting instance is `COMPONENT-HOST`. */
  readonly host: string;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly logger?: Logger;
}

/** Upstream's names and values. */
const QUEUE_MAX = 1_000;
const RECORD_WORKERS = 8;
const TRIES_MAX = 12;
const RETRY_DELAY_MS = 10_000;
const RETRY_JITTER = 0.25;
const FINISH_MS = 6 * 60_000;
const REFRESH_MS = 30 * 60_000;
/** Events that may become a series; upstream forgets them by time alone. */
const CACHE_ENTRIES_MAX = 4_096;

const Events = dynamicKind({
  group: "events.k8s.io",
  version: "v1",
  kind: "Event",
  plural: "events",
  namespaced: true,
}) as unknown as Kind<Event>;

type Delivery = "written" | "given up" | "again";

export function newEventSeriesRecorder(
  options: EventSeriesRecorderOptions,
  signal: AbortSignal,
): BufferedEventRecorder {
  const writer = new SeriesWriter(options, signal);
  return {
    event: (about, type, reason, message, eventOptions = {}) =>
      writer.record(about, type, reason, message, eventOptions),
    flush: () => writer.flush(),
  };
}

class SeriesWriter {
  readonly #client: Pick<Client, "create" | "patch">;
  readonly #component: string;
  readonly #host: string;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #logger: Logger;
  readonly #signal: AbortSignal;
  readonly #names: EventNames;
  readonly #queue: Event[] = [];
  /** By what makes events one series; the last state, which the server need not know yet. */
  readonly #cache = new Map<string, Event>();
  readonly #workers = new Set<Promise<void>>();
  /** Runs from the first event on. */
  #upkeep: Promise<unknown> | undefined;
  readonly #drops: DropReport;

  constructor(options: EventSeriesRecorderOptions, signal: AbortSignal) {
    this.#client = options.client;
    this.#component = options.component;
    this.#host = options.host;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#logger = options.logger ?? silentLogger;
    this.#signal = signal;
    this.#drops = new DropReport(this.#clock, this.#logger);
    this.#names = new EventNames(this.#clock, this.#random);
  }

  record(
    about: KubeObject,
    type: "Normal" | "Warning",
    reason: string,
    note: string,
    options: EventOptions,
  ): void {
    if (this.#signal.aborted) return;
    if (this.#upkeep === undefined) {
      const finishing = this.#every(FINISH_MS, () => this.#finish());
      this.#upkeep = Promise.all([finishing, this.#every(REFRESH_MS, () => this.#refresh())]);
    }
    const event = this.#makeEvent(about, type, reason, note, options);
    const key = keyOfSeries(event);
    const same = this.#cache.get(key);
    const next = same === undefined ? event : again(same, formatMicroTime(this.#clock.now()));
    this.#cache.set(key, next);
    if (this.#cache.size > CACHE_ENTRIES_MAX) this.#cache.delete(this.#cache.keys().next().value!);
    // The third and all that follow are counted here until the series is written again.
    if (same?.series === undefined) this.#enqueue(next);
  }

  /** Resolves when everything recorded so far is written or given up. */
  async flush(): Promise<void> {
    await Promise.all(this.#workers);
  }

  #enqueue(event: Event): void {
    if (this.#queue.length >= QUEUE_MAX) return this.#drops.add(event.reason, event.note);
    this.#queue.push(event);
    if (this.#workers.size >= RECORD_WORKERS) return;
    const worker: Promise<void> = this.#work().finally(() => this.#workers.delete(worker));
    this.#workers.add(worker);
  }

  async #work(): Promise<void> {
    // Not within the caller's turn: recording must cost it nothing.
    await Promise.resolve();
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      for (let tries = 1; !this.#signal.aborted && (await this.#deliver(event)) === "again"; tries++) {
        if (tries >= TRIES_MAX) {
          this.#logger.error("Gave up writing an event", { reason: event.reason, tries });
          break;
        }
        const delayMs = RETRY_DELAY_MS * (1 + RETRY_JITTER * this.#random());
        await pause(this.#clock, delayMs, this.#signal);
      }
    }
  }

  async #deliver(event: Event): Promise<Delivery> {
    try {
      await this.#send(event);
      return "written";
    } catch (err) {
      if (this.#signal.aborted) return "given up";
      const fields = { reason: event.reason, about: event.regarding?.name, err };
      // Between the failed patch of a series and its creation somebody made the event: the next patch will do.
      if (isAlreadyExists(err) && event.series !== undefined) return "again";
      if (isAlreadyExists(err) || isNamespaceGone(err)) {
        this.#logger.debug("The server rejected an event", fields);
        return "given up";
      }
      if (isFinalRefusal(err)) {
        this.#logger.error("The server rejected an event", fields);
        return "given up";
      }
      this.#logger.warn("Failed to write an event", fields);
      return "again";
    }
  }

  async #send(event: Event): Promise<void> {
    const { series, metadata } = event;
    if (series !== undefined) {
      try {
        const ref = { namespace: metadata.namespace ?? "default", name: metadata.name };
        const body = { type: "strategic", body: { series } } as const;
        await this.#client.patch(Events, ref, body, this.#signal);
        return;
      } catch (err) {
        // Events expire after an hour, and the second of a series may overtake the first.
        if (!isNotFound(err)) throw err;
      }
    }
    await this.#client.create(Events, event, this.#signal);
  }

  async #every(periodMs: number, run: () => Promise<void>): Promise<void> {
    for (;;) {
      await pause(this.#clock, periodMs, this.#signal);
      if (this.#signal.aborted) return;
      await run();
    }
  }

  /** Those of which nothing was heard for long: what was counted is written, and the next one begins anew. */
  async #finish(): Promise<void> {
    const before = this.#clock.now() - FINISH_MS;
    for (const [key, event] of Array.from(this.#cache)) {
      const last = event.series?.lastObservedTime ?? event.eventTime;
      if (last === undefined || parseTime(last) >= before) continue;
      if (event.series !== undefined && (await this.#deliver(event)) === "again") continue;
      // One that came meanwhile keeps the series.
      if (this.#cache.get(key) === event) this.#cache.delete(key);
    }
  }

  /** The API server forgets events that nobody writes. */
  async #refresh(): Promise<void> {
    for (const event of Array.from(this.#cache.values()))
      if (event.series !== undefined) await this.#deliver(event);
  }

  #makeEvent(
    about: KubeObject,
    type: "Normal" | "Warning",
    reason: string,
    note: string,
    { action = reason, annotations, component = this.#component, fieldPath, related }: EventOptions,
  ): Event {
    const regarding = referenceTo(about, fieldPath);
    return {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: {
        name: this.#names.next(about.metadata.name),
        namespace: regarding.namespace ?? "default",
        ...(annotations !== undefined && { annotations }),
      },
      eventTime: formatMicroTime(this.#clock.now()),
      reportingController: component,
      reportingInstance: `${component}-${this.#host}`,
      action,
      reason,
      regarding,
      ...(related !== undefined && { related: referenceTo(related) }),
      note: shortened(note),
      type,
    };
  }
}

/** The note is no part of it: a series keeps that of its first event. */
function keyOfSeries(event: Event): string {
  const { type, action, reason, reportingController, reportingInstance, regarding, related } = event;
  return JSON.stringify([type, action, reason, reportingController, reportingInstance, regarding, related]);
}

function again(event: Event, lastObservedTime: string): Event {
  return { ...event, series: { count: (event.series?.count ?? 1) + 1, lastObservedTime } };
}
