/** How many requests run at once, and which have run for too long. @module */
import { StatusError, type Clock } from "#apimachinery";
import type { Limits } from "../options.ts";
import type { HttpRequest } from "./http-request.ts";

/** One timer for all requests looks for those that are over time. */
const SWEEP_MS = 1_000;
const RETRY_AFTER_SECONDS = 1;

interface Running {
  readonly startedAt: number;
  /** Told once; the request counts until its handler comes back. */
  onExpired: (() => void) | undefined;
}

export class InFlight {
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #started = new Map<HttpRequest, Running>();
  #readOnly = 0;
  #mutating = 0;
  #isSweeping = false;

  constructor(clock: Clock, limits: Limits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get readOnly(): number {
    return this.#readOnly;
  }

  get mutating(): number {
    return this.#mutating;
  }

  /** Returns what ends the request's part in the count. Throws TooManyRequests. */
  enter(request: HttpRequest, isMutating: boolean, onExpired: () => void): () => void {
    const isFull = isMutating
      ? this.#mutating >= this.#limits.mutatingInFlightMax
      : this.#readOnly >= this.#limits.inFlightMax;
    if (isFull) {
      throw new StatusError("TooManyRequests", "Too many requests, please try again later.", {
        details: { retryAfterSeconds: RETRY_AFTER_SECONDS },
      });
    }
    this.#count(isMutating, 1);
    this.#started.set(request, { startedAt: this.#clock.monotonicMs(), onExpired });
    if (!this.#isSweeping) this.#scheduleSweep();
    return () => {
      if (this.#started.delete(request)) this.#count(isMutating, -1);
    };
  }

  #count(isMutating: boolean, by: number): void {
    if (isMutating) this.#mutating += by;
    else this.#readOnly += by;
  }

  #scheduleSweep(): void {
    this.#isSweeping = true;
    this.#clock.after(SWEEP_MS, () => this.#sweep());
  }

  #sweep(): void {
    const oldest = this.#clock.monotonicMs() - this.#limits.requestTimeoutMs;
    for (const [request, running] of this.#started) {
      // Insertion order is order of time.
      if (running.startedAt > oldest) break;
      const { onExpired } = running;
      running.onExpired = undefined;
      if (onExpired === undefined) continue;
      request.expire();
      onExpired();
    }
    this.#isSweeping = false;
    if (this.#started.size > 0) this.#scheduleSweep();
  }
}
