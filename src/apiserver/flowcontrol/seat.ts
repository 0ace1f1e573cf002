/** The part of one request in flow control: its wait for seats, and their return. @module */
import { StatusError, type Clock } from "#apimachinery";
import type { RequestInfo } from "../http/request-info.ts";
import type { Watcher } from "../watchcache/watcher.ts";
import type { SeatRequest } from "./fair-queue.ts";
import type { RejectReason } from "./flow-stats.ts";
import type { PriorityLevel } from "./priority-level.ts";
import type { WatchTracker } from "./watch-tracker.ts";
import { requestKind, type Phase, type ReadWriteMeters } from "./read-write-meters.ts";

/** Told by whoever is refused. */
export function tooManyRequests(level: PriorityLevel, nowMs: number): StatusError {
  level.dropped.record(nowMs);
  return new StatusError("TooManyRequests", "Too many requests, please try again later.", {
    details: { retryAfterSeconds: level.dropped.retryAfterSeconds },
  });
}

/** Who asks: a request, as far as waiting goes. */
export interface SeatSeeker {
  readonly info: RequestInfo;
  readonly query: URLSearchParams;
  /** How long it may wait in its queue. */
  readonly waitLimitMs: number;
  readonly request: {
    /** Aborts when the client is gone; asked for only when the request must wait. */
    readonly signal: AbortSignal;
    /** Told how long it had to wait. */
    waited(ms: number): void;
  };
}

/** What all seats of a server share: a seat is made for every request, and made of little. */
export interface SeatKeeper {
  readonly clock: Clock;
  readonly meters: ReadWriteMeters;
  readonly watches: WatchTracker;
  /** A request of the level has left. */
  readonly onLeave: (level: PriorityLevel) => void;
}

export class Seat {
  /** Resolves when the request may run; rejects with TooManyRequests when it waited in vain. Undefined: it may run now. */
  readonly waiting: Promise<void> | undefined;
  readonly #keeper: SeatKeeper;
  readonly #level: PriorityLevel;
  readonly #request: SeatRequest;
  readonly #seeker: SeatSeeker;
  #isFinished = false;
  #isWatch = false;

  constructor(keeper: SeatKeeper, level: PriorityLevel, request: SeatRequest, seeker: SeatSeeker) {
    this.#keeper = keeper;
    this.#level = level;
    this.#request = request;
    this.#seeker = seeker;
    if (request.state === "executing") this.#executes(request.startedMs!);
    else this.waiting = this.#wait();
  }

  /** The answer is made. Of a watch only its beginning is counted: it goes on without seats. */
  becomesWatch(watcher: Watcher): void {
    this.#isWatch = true;
    const { info, query } = this.#seeker;
    const forget = this.#keeper.watches.register(info, query);
    watcher.observe({ onInitialised: () => this.#finish(), onStopped: forget });
  }

  /** The request has ended, or never ran; of one that became a watch, nothing is said by that. */
  finish(): void {
    if (!this.#isWatch) this.#finish();
  }

  #finish(): void {
    const request = this.#request;
    if (this.#isFinished || request.state !== "executing") return;
    this.#isFinished = true;
    const nowMs = this.#keeper.clock.monotonicMs();
    const seconds = (nowMs - request.startedMs!) / 1000;
    const { regularSeconds, watchSeconds } = request.stats;
    (request.info.verb === "watch" ? watchSeconds : regularSeconds).observe(seconds);
    this.#note("executing", -1, nowMs);
    this.#level.queueSet.finish(request);
    this.#keeper.onLeave(this.#level);
  }

  async #wait(): Promise<void> {
    const { clock, onLeave } = this.#keeper;
    const { waitLimitMs, request: seeker } = this.#seeker;
    const request = this.#request;
    const level = this.#level;
    const { promise, resolve } = Promise.withResolvers<RejectReason | undefined>();
    request.onExecute = () => resolve(undefined);
    this.#note("waiting", 1, request.arrivedMs);
    const giveUp = (reason: RejectReason): void => {
      if (level.queueSet.cancel(request, reason)) resolve(reason);
    };
    const timer = clock.after(waitLimitMs, () => giveUp("time-out"));
    const gone = seeker.signal;
    const onGone = (): void => giveUp("cancelled");
    gone.addEventListener("abort", onGone, { once: true });
    if (gone.aborted) onGone();
    const refusal = await promise;
    timer.cancel();
    gone.removeEventListener("abort", onGone);
    const nowMs = clock.monotonicMs();
    this.#note("waiting", -1, nowMs);
    seeker.waited(nowMs - request.arrivedMs);
    if (refusal === undefined) return this.#executes(nowMs);
    request.stats.waitedInVain.observe((nowMs - request.arrivedMs) / 1000);
    onLeave(level);
    throw tooManyRequests(level, clock.now());
  }

  #executes(nowMs: number): void {
    const request = this.#request;
    this.#note("executing", 1, nowMs);
    if (this.#level.isExempt) return;
    request.stats.waitedAndExecuted.observe((request.startedMs! - request.arrivedMs) / 1000);
  }

  #note(phase: Phase, by: 1 | -1, nowMs: number): void {
    this.#keeper.meters.add(requestKind(this.#request.info.verb), phase, by, nowMs);
  }
}
