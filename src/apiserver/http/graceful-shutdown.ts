/** The end of a server, in upstream's order: not ready, no new connections, what was begun is finished, then silence. @module */
import type { HealthCheck } from "#component-base";
import type { Clock } from "#apimachinery";

const POLL_MS = 20;

export interface ShutdownParts {
  readonly clock: Clock;
  /** How long everything goes on as before while `/readyz` fails already, so that load balancers look elsewhere. */
  readonly delayMs: number;
  /** How long requests under way may take to finish. */
  readonly drainMs: number;
  readonly stopListening: () => void;
  /** Requests under way, and last words of watches that are not written yet. */
  readonly isIdle: () => boolean;
}

export class GracefulShutdown {
  readonly #parts: ShutdownParts;
  readonly #draining = new AbortController();
  #isBegun = false;

  constructor(parts: ShutdownParts) {
    this.#parts = parts;
  }

  /** Aborts when no more requests are taken, and watches and other requests without end are to end. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /** Of `/readyz`. */
  readonly check: HealthCheck = {
    name: "shutdown",
    check: () => {
      if (this.#isBegun) throw new Error("process is shutting down");
    },
  };

  /** Resolves when nothing is under way any more, or its time is over. */
  async run(): Promise<void> {
    const { clock, delayMs, drainMs, stopListening, isIdle } = this.#parts;
    const never = new AbortController().signal;
    this.#isBegun = true;
    if (delayMs > 0) await clock.sleep(delayMs, never);
    this.#draining.abort(new Error("The API server is closing"));
    stopListening();
    const deadline = clock.monotonicMs() + drainMs;
    while (!isIdle() && clock.monotonicMs() < deadline) await clock.sleep(POLL_MS, never);
  }
}
