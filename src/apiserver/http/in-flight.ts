/** How many requests run at once, and which have run for too long. @module */
import { StatusError, type Clock, type Timer } from "#apimachinery";
import type { Limits } from "../options.ts";
import type { HttpRequest } from "./http-request.ts";

/** One timer for all requests that did not choose their time looks for those that are over it. */
const SWEEP_MS = 1_000;
const RETRY_AFTER_SECONDS = 1;

export interface Entry {
  readonly isMutating: boolean;
  /** At most the server's own limit. */
  readonly timeoutMs: number;
  readonly onExpired: () => void;
}

interface Running {
  readonly startedAt: number;
  /** Of a request that chose its time. */
  readonly timer: Timer | undefined;
  /** Told once; the request counts until its handler comes back. */
  onExpired: (() => void) | undefined;
}

export class InFlight {
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #isLimited: boolean;
  readonly #started = new Map<HttpRequest, Running>();
  #readOnly = 0;
  #mutating = 0;
  #isSweeping = false;

  /** Unlimited, requests are counted and timed alone: who may run is decided elsewhere. */
  constructor(clock: Clock, limits: Limits, isLimited = true) {
    this.#clock = clock;
    this.#limits = limits;
    this.#isLimited = isLimited;
  }

  get readOnly(): number {
    return this.#readOnly;
  }

  get mutating(): number {
    return this.#mutating;
  }

  /** Returns what ends the request's part in the count. Throws TooManyRequests. */
  enter(request: HttpRequest, { isMutating, timeoutMs, onExpired }: Entry): () => void {
    if (this.#isLimited && this.#isFull(isMutating)) {
      throw new StatusError("TooManyRequests", "Too many requests, please try again later.", {
        details: { retryAfterSeconds: RETRY_AFTER_SECONDS },
      });
    }
    this.#count(isMutating, 1);
    const isOwnTime = timeoutMs < this.#limits.requestTimeoutMs;
    const running: Running = {
      startedAt: this.#clock.monotonicMs(),
      timer: isOwnTime ? this.#clock.after(timeoutMs, () => expire(request, running)) : undefined,
      onExpired,
    };
    this.#started.set(request, running);
    if (!this.#isSweeping) this.#scheduleSweep();
    return () => {
      running.timer?.cancel();
      if (this.#started.delete(request)) this.#count(isMutating, -1);
    };
  }

  /** A limit of 0 is none. */
  #isFull(isMutating: boolean): boolean {
    const { inFlightMax, mutatingInFlightMax } = this.#limits;
    const max = isMutating ? mutatingInFlightMax : inFlightMax;
    return max > 0 && (isMutating ? this.#mutating : this.#readOnly) >= max;
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
      expire(request, running);
    }
    this.#isSweeping = false;
    if (this.#started.size > 0) this.#scheduleSweep();
  }
}

function expire(request: HttpRequest, running: Running): void {
  const { onExpired } = running;
  running.onExpired = undefined;
  if (onExpired === undefined) return;
  request.expire();
  onExpired();
}
