/** What holds for every write of an Event. @module */
import { type Clock, type KubeObject, type Logger, StatusError } from "#apimachinery";
import type { ObjectReference } from "#api/core/v1/types.gen";

/** Event messages above this are refused by the API server. */
const MESSAGE_LENGTH_MAX = 1_024;
const DROP_REPORT_MS = 10_000;

/** As long as the API server takes it. */
export function shortened(message: string): string {
  return message.length > MESSAGE_LENGTH_MAX ? `${message.slice(0, MESSAGE_LENGTH_MAX - 3)}...` : message;
}

/** The server has understood the event and does not want it; or the request can never be made. */
export function isFinalRefusal(err: unknown): boolean {
  if (err instanceof RangeError) return true;
  return err instanceof StatusError && err.code < 500 && err.reason !== "TooManyRequests";
}

export function referenceTo({ apiVersion, kind, metadata }: KubeObject, fieldPath?: string): ObjectReference {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    kind,
    apiVersion,
    name,
    ...(namespace !== undefined && namespace !== "" && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(fieldPath !== undefined && { fieldPath }),
  };
}

/** Logs what did not fit into a queue: a flood of events must not become a flood of log lines. */
export class DropReport {
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Since the last line. */
  #dropped = 0;
  #reportedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  add(reason: string | undefined, message: string | undefined): void {
    this.#dropped++;
    const now = this.#clock.monotonicMs();
    if (now < this.#reportedAtMs + DROP_REPORT_MS) return;
    this.#reportedAtMs = now;
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.#logger.error("Too many events wait to be written, dropped some", { dropped, reason, message });
  }
}
