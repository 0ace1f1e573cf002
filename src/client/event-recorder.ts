/** Writes core/v1 Events, which is where `kubectl describe` and `kubectl events` look. @module */
import {
  type Clock,
  formatTime,
  isAlreadyExists,
  isNamespaceGone,
  isNotFound,
  type Kind,
  type KubeObject,
  type Logger,
  silentLogger,
  systemClock,
} from "#apimachinery";
import type { Event } from "#api/core/v1/types.gen";
import type { Client, EventOptions, EventRecorder } from "./client.ts";
import { dynamicKind } from "./dynamic.ts";
import { EventCorrelator, type Correlated } from "./event-correlator.ts";
import { EventNames } from "./event-names.ts";
import { DropReport, isFinalRefusal, referenceTo, shortened } from "./event-writes.ts";

export interface EventRecorderOptions {
  readonly client: Pick<Client, "create" | "patch">;
  /** Who reports: `kubelet`, `default-scheduler`, `replicaset-controller`. */
  readonly component: string;
  /** The node it runs on. */
  readonly host?: string;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly logger?: Logger;
}

/** Writes in the background, one event at a time, until its signal aborts. */
export interface BufferedEventRecorder extends EventRecorder {
  /** Resolves when everything recorded so far is written or given up. */
  flush(): Promise<void>;
}

/** Upstream's `maxQueuedEvents`; what does not fit is dropped and logged. */
const QUEUE_MAX = 1_000;
/** Upstream's `maxTriesPerEvent` and `defaultSleepDuration`. */
const TRIES_MAX = 12;
const RETRY_DELAY_MS = 10_000;

const Events = dynamicKind({
  group: "",
  version: "v1",
  kind: "Event",
  plural: "events",
  namespaced: true,
}) as unknown as Kind<Event>;

export function newEventRecorder(options: EventRecorderOptions, signal: AbortSignal): BufferedEventRecorder {
  const writer = new EventWriter(options, signal);
  return {
    event: (about, type, reason, message, eventOptions = {}) =>
      writer.enqueue({ about, type, reason, message, options: eventOptions }),
    flush: () => writer.flush(),
  };
}

interface Draft {
  readonly about: KubeObject;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  readonly options: EventOptions;
}

class EventWriter {
  readonly #client: Pick<Client, "create" | "patch">;
  readonly #component: string;
  readonly #host: string | undefined;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #logger: Logger;
  readonly #signal: AbortSignal;
  readonly #correlator: EventCorrelator;
  readonly #queue: Event[] = [];
  #draining: Promise<void> = Promise.resolve();
  #isDraining = false;
  readonly #drops: DropReport;
  readonly #names: EventNames;

  constructor(options: EventRecorderOptions, signal: AbortSignal) {
    this.#client = options.client;
    this.#component = options.component;
    this.#host = options.host;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#logger = options.logger ?? silentLogger;
    this.#signal = signal;
    this.#drops = new DropReport(this.#clock, this.#logger);
    this.#names = new EventNames(this.#clock, this.#random);
    this.#correlator = new EventCorrelator(this.#clock, (name) => this.#names.next(name));
  }

  enqueue(draft: Draft): void {
    if (this.#signal.aborted) return;
    if (this.#queue.length >= QUEUE_MAX) return this.#drops.add(draft.reason, draft.message);
    this.#queue.push(this.#makeEvent(draft));
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#draining = this.#drain();
  }

  flush(): Promise<void> {
    return this.#draining;
  }

  async #drain(): Promise<void> {
    // Not within the caller's turn: recording must cost it nothing.
    await Promise.resolve();
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      if (this.#signal.aborted) break;
      const correlated = this.#correlator.correlate(event);
      if (correlated !== undefined) await this.#write(correlated);
    }
    this.#isDraining = false;
  }

  async #write(correlated: Correlated): Promise<void> {
    for (let tries = 1; tries <= TRIES_MAX; tries++) {
      try {
        const written = await this.#send(correlated);
        return this.#correlator.written(correlated.key, written);
      } catch (err) {
        if (this.#signal.aborted) return;
        if (isFinalRefusal(err)) return this.#rejected(correlated, err);
        this.#logger.warn("Failed to write an event", { reason: correlated.event.reason, tries, err });
      }
      // All that lost the same server must not come back together.
      const delayMs = tries === 1 ? RETRY_DELAY_MS * this.#random() : RETRY_DELAY_MS;
      try {
        await this.#clock.sleep(delayMs, this.#signal);
      } catch {
        return; // Stopped while waiting: events are best effort.
      }
    }
  }

  #rejected({ event }: Correlated, err: unknown): void {
    const fields = { reason: event.reason, about: event.involvedObject.name, err };
    if (isAlreadyExists(err) || isNamespaceGone(err))
      this.#logger.debug("The server rejected an event", fields);
    else this.#logger.error("The server rejected an event", fields);
  }

  async #send({ event, patch }: Correlated): Promise<Event> {
    if (patch !== undefined) {
      try {
        const { namespace = "default", name } = event.metadata;
        const body = { type: "merge", body: patch } as const;
        return await this.#client.patch(Events, { namespace, name }, body, this.#signal);
      } catch (err) {
        // Events expire after an hour: what was counted up is gone, so it begins again.
        if (!isNotFound(err)) throw err;
      }
    }
    return this.#client.create(Events, event, this.#signal);
  }

  #makeEvent({ about, type, reason, message, options }: Draft): Event {
    const host = this.#host;
    const time = formatTime(this.#clock.now());
    const { annotations, fieldPath, component = this.#component } = options;
    const involvedObject = referenceTo(about, fieldPath);
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: {
        name: this.#names.next(about.metadata.name),
        namespace: involvedObject.namespace ?? "default",
        ...(annotations !== undefined && { annotations }),
      },
      involvedObject,
      reason,
      message: shortened(message),
      source: { component, ...(host !== undefined && { host }) },
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
      type,
      reportingComponent: component,
      reportingInstance: host ?? "",
    };
  }
}
