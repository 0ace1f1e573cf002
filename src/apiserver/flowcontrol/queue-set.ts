/** The queues of one priority level and the seats they share: fair queuing for server requests (KEP-1040). @module */
import type { Clock } from "#apimachinery";
import type { RequestInfo } from "../http/request-info.ts";
import type { UserInfo } from "../user-info.ts";
import { FairQueue, type SeatRequest } from "./fair-queue.ts";
import type { FlowStats, RejectReason } from "./flow-stats.ts";
import { LevelMeters } from "./level-meters.ts";
import {
  canAccommodate,
  ESTIMATED_SERVICE_SECONDS,
  planDispatch,
  planEnqueue,
  readDispatch,
} from "./plan-dispatch.ts";
import type { Hand } from "./shuffle-shard.ts";
import { seatsOf, type WorkEstimate } from "./work-estimate.ts";

export interface QueuingConfig {
  /** 0: what finds no seat is refused. */
  readonly queues: number;
  readonly queueLengthMax: number;
  readonly isExempt: boolean;
}

export interface SeatConfig {
  readonly concurrencyLimit: number;
  /** What utilisation is a part of. */
  readonly denominator: number;
}

export interface Arrival {
  readonly stats: FlowStats;
  readonly distinguisher: string;
  /** The queues that the flow may use; of no meaning where there are none. */
  readonly hand: Hand;
  readonly work: WorkEstimate;
  readonly user: UserInfo;
  readonly info: RequestInfo;
}

const NONE: readonly FairQueue[] = [];

export class QueueSet {
  readonly meters: LevelMeters;
  /** Since the start; for the dumps. */
  readonly totals: { dispatched: number; rejected: number; timedOut: number; cancelled: number } = {
    dispatched: 0,
    rejected: 0,
    timedOut: 0,
    cancelled: 0,
  };
  readonly #clock: Clock;
  readonly #requests = new Set<SeatRequest>();
  #queuing: QueuingConfig = { queues: 0, queueLengthMax: 0, isExempt: false };
  #concurrencyLimit = 0;
  /** May be more than are wanted, while the surplus drains. */
  #queues: FairQueue[] = [];
  #activeQueues = 0;
  /** The queue served last. */
  #lastIndex = 0;
  #currentR = 0;
  #syncedMs: number;
  #enqueues = 0;
  #waiting = 0;
  #executing = 0;
  #seatsInUse = 0;
  /** Of those, the ones of requests that came through a queue. */
  #queuedSeatsInUse = 0;
  #seatsWaiting = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#syncedMs = clock.monotonicMs();
    this.meters = new LevelMeters(this.#syncedMs);
  }

  get isIdle(): boolean {
    return this.#waiting === 0 && this.#executing === 0;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get executing(): number {
    return this.#executing;
  }

  get queues(): readonly FairQueue[] {
    return this.#queues;
  }

  /** Requests that run, with their queue if they came through one. */
  running(): Iterable<SeatRequest> {
    return this.#requests;
  }

  /** Queues that are missing are added at once, surplus ones go when they are empty. */
  configure(queuing: QueuingConfig, { concurrencyLimit, denominator }: SeatConfig): void {
    const nowMs = this.#sync();
    while (this.#queues.length < queuing.queues) this.#queues.push(new FairQueue());
    this.#queuing = queuing;
    this.#concurrencyLimit = concurrencyLimit;
    const capacity = Math.max(1, queuing.queueLengthMax) * Math.max(1, queuing.queues);
    this.meters.configure(capacity, denominator, nowMs);
    this.#dispatchAll(nowMs);
    this.#measure(nowMs);
  }

  /** A request that waits gets its seats later, or is given up with `cancel`; one that runs ends with `finish`. */
  start(arrival: Arrival): SeatRequest | RejectReason {
    const nowMs = this.#sync();
    const started =
      this.#queuing.queues < 1 ? this.#startAtOnce(arrival, nowMs) : this.#enqueue(arrival, nowMs);
    if (typeof started === "string") {
      this.totals.rejected++;
      arrival.stats.reject(started);
    } else this.#measure(nowMs);
    return started;
  }

  /** Returns the seats, after the time they are still needed, and serves who waits for them. */
  finish(request: SeatRequest): void {
    const nowMs = this.#sync();
    const { queue, stats, work } = request;
    request.state = "done";
    this.#requests.delete(request);
    this.#executing--;
    stats.executing--;
    if (queue !== undefined) {
      queue.executing--;
      if (queue.isIdle) this.#activeQueues--;
      const actualSeconds = (nowMs - request.startedMs!) / 1000;
      queue.nextDispatchR -= work.initialSeats * (ESTIMATED_SERVICE_SECONDS - actualSeconds);
      queue.boundNextDispatch();
    }
    if (work.additionalLatencyMs > 0) {
      this.#clock.after(work.additionalLatencyMs, () => {
        const laterMs = this.#sync();
        this.#release(request);
        this.#dispatchAll(laterMs);
        this.#measure(laterMs);
      });
    } else this.#release(request);
    this.#dispatchAll(nowMs);
    this.#measure(nowMs);
  }

  /** A waiting request leaves its queue. False: it does not wait any more. */
  cancel(request: SeatRequest, reason: RejectReason): boolean {
    if (request.state !== "waiting") return false;
    const nowMs = this.#sync();
    request.state = "done";
    this.#leaveQueue(request);
    request.queue!.boundNextDispatch();
    this.totals.rejected++;
    if (reason === "time-out") this.totals.timedOut++;
    else this.totals.cancelled++;
    request.stats.reject(reason);
    // whoever stood behind it may fit
    this.#dispatchAll(nowMs);
    this.#measure(nowMs);
    return true;
  }

  #startAtOnce(arrival: Arrival, nowMs: number): SeatRequest | RejectReason {
    const request = this.#newRequest(arrival, undefined, nowMs);
    if (!this.#hasSeats(request.maxSeats)) return "concurrency-limit";
    this.#execute(request, nowMs);
    return request;
  }

  #enqueue(arrival: Arrival, nowMs: number): SeatRequest | RejectReason {
    const queue = this.#queues[planEnqueue(this.#queues, arrival.hand, this.#enqueues++)]!;
    const isFull = this.#seatsInUse >= this.#concurrencyLimit && queue.length >= this.#queuing.queueLengthMax;
    if (isFull) return "queue-full";
    if (queue.isIdle) {
      queue.nextDispatchR = this.#currentR;
      this.#activeQueues++;
    }
    const request = this.#newRequest(arrival, queue, nowMs);
    const { stats } = arrival;
    queue.push(request);
    this.#waiting++;
    this.#seatsWaiting += request.maxSeats;
    stats.waiting++;
    stats.seatsWaiting += request.maxSeats;
    stats.queueLength.observe(queue.length);
    queue.boundNextDispatch();
    this.#dispatchAll(nowMs, queue);
    return request;
  }

  /** `only` is the queue of the one request that waits, if there is but one. */
  #dispatchAll(nowMs: number, only?: FairQueue): void {
    while (this.#waiting > 0 && this.#seatsInUse < this.#concurrencyLimit) {
      const hint = this.#waiting === 1 ? only : undefined;
      const index = hint === undefined ? planDispatch(this.#queues, this.#lastIndex) : undefined;
      const queue = hint ?? this.#queues[index!]!;
      const request = queue.head!;
      if (!this.#hasSeats(request.maxSeats)) {
        request.stats.noAccommodation++;
        return;
      }
      if (index !== undefined) this.#lastIndex = index;
      readDispatch(hint === undefined ? this.#queues : NONE, queue, this.#currentR, this.meters.dispatch);
      this.#dispatch(queue, request, nowMs);
    }
  }

  #dispatch(queue: FairQueue, request: SeatRequest, nowMs: number): void {
    this.#leaveQueue(request);
    // Work that does not fit in breadth is done in length.
    const { finalSeats, additionalLatencyMs } = request.work;
    if (finalSeats > this.#concurrencyLimit) {
      const longer = (finalSeats * additionalLatencyMs) / this.#concurrencyLimit;
      request.work = { ...request.work, finalSeats: this.#concurrencyLimit, additionalLatencyMs: longer };
    }
    if (queue.isIdle) this.#activeQueues++;
    queue.executing++;
    queue.seatsInUse += request.maxSeats;
    this.#queuedSeatsInUse += request.maxSeats;
    queue.nextDispatchR += request.totalWork;
    queue.boundNextDispatch();
    this.#execute(request, nowMs);
  }

  #execute(request: SeatRequest, nowMs: number): void {
    const { stats, maxSeats } = request;
    request.state = "executing";
    request.startedMs = nowMs;
    this.#requests.add(request);
    this.#executing++;
    this.#seatsInUse += maxSeats;
    this.totals.dispatched++;
    stats.dispatched++;
    stats.executing++;
    stats.seatsExecuting += maxSeats;
    request.onExecute?.();
  }

  #leaveQueue(request: SeatRequest): void {
    const { stats, maxSeats } = request;
    const queue = request.queue!;
    queue.remove(request);
    if (queue.isIdle) this.#activeQueues--;
    this.#waiting--;
    this.#seatsWaiting -= maxSeats;
    stats.waiting--;
    stats.seatsWaiting -= maxSeats;
  }

  #release(request: SeatRequest): void {
    const { queue, maxSeats, stats } = request;
    this.#seatsInUse -= maxSeats;
    stats.seatsExecuting -= maxSeats;
    if (queue === undefined) return;
    queue.seatsInUse -= maxSeats;
    this.#queuedSeatsInUse -= maxSeats;
    if (this.#queues.length > this.#queuing.queues && queue.isIdle) this.#remove(queue);
  }

  #remove(queue: FairQueue): void {
    const index = this.#queues.indexOf(queue);
    if (index < 0) return;
    this.#queues.splice(index, 1);
    if (this.#lastIndex >= index) this.#lastIndex = Math.max(0, this.#lastIndex - 1);
  }

  #hasSeats(seats: number): boolean {
    return canAccommodate(seats, {
      isExempt: this.#queuing.isExempt,
      concurrencyLimit: this.#concurrencyLimit,
      executing: this.#executing,
      seatsInUse: this.#seatsInUse,
    });
  }

  #newRequest(arrival: Arrival, queue: FairQueue | undefined, nowMs: number): SeatRequest {
    const { stats, distinguisher, work, user, info } = arrival;
    const { initialSeats, finalSeats, additionalLatencyMs } = work;
    return {
      stats,
      distinguisher,
      user,
      info,
      work,
      maxSeats: seatsOf(work),
      totalWork: initialSeats * ESTIMATED_SERVICE_SECONDS + (finalSeats * additionalLatencyMs) / 1000,
      queue,
      arrivedMs: nowMs,
      arrivalR: this.#currentR,
      startedMs: undefined,
      state: "waiting",
      onExecute: undefined,
      before: undefined,
      after: undefined,
    };
  }

  /** Moves the progress meter on: the seats in use, in equal parts for each queue that could use them. */
  #sync(): number {
    const nowMs = this.#clock.monotonicMs();
    if (this.#activeQueues > 0) {
      const seats = Math.min(this.#queuedSeatsInUse + this.#seatsWaiting, this.#concurrencyLimit);
      this.#currentR += ((seats / this.#activeQueues) * (nowMs - this.#syncedMs)) / 1000;
    }
    this.#syncedMs = nowMs;
    return nowMs;
  }

  #measure(nowMs: number): void {
    this.meters.currentR = this.#currentR;
    this.meters.update(this.#waiting, this.#executing, this.#seatsInUse, this.#seatsWaiting, nowMs);
  }
}
