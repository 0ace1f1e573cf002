/** Requests of a few flows that wait for seats, in order of arrival; any of them may leave before its turn. @module */
import type { RequestInfo } from "../http/request-info.ts";
import type { UserInfo } from "../user-info.ts";
import type { FlowStats } from "./flow-stats.ts";
import type { WorkEstimate } from "./work-estimate.ts";

/** A request that waits for its seats, or has them. */
export interface SeatRequest {
  readonly stats: FlowStats;
  readonly distinguisher: string;
  readonly user: UserInfo;
  readonly info: RequestInfo;
  work: WorkEstimate;
  readonly maxSeats: number;
  /** Seat-seconds, as estimated. */
  readonly totalWork: number;
  readonly queue: FairQueue | undefined;
  readonly arrivedMs: number;
  /** The progress meter at arrival. */
  readonly arrivalR: number;
  startedMs: number | undefined;
  state: "waiting" | "executing" | "done";
  /** Called when a request that had to wait gets its seats. */
  onExecute: (() => void) | undefined;
  before: SeatRequest | undefined;
  after: SeatRequest | undefined;
}

export class FairQueue {
  /** The progress meter's reading at which the next request would begin if the queues were served bit by bit. */
  nextDispatchR = 0;
  executing = 0;
  /** Also of requests that have ended and whose seats are still kept. */
  seatsInUse = 0;
  #head: SeatRequest | undefined;
  #tail: SeatRequest | undefined;
  #length = 0;
  initialSeatsSum = 0;
  maxSeatsSum = 0;
  totalWorkSum = 0;

  get length(): number {
    return this.#length;
  }

  /** The oldest. */
  get head(): SeatRequest | undefined {
    return this.#head;
  }

  get isIdle(): boolean {
    return this.#length === 0 && this.executing === 0;
  }

  push(request: SeatRequest): void {
    request.before = this.#tail;
    if (this.#tail === undefined) this.#head = request;
    else this.#tail.after = request;
    this.#tail = request;
    this.#count(request, 1);
  }

  /** `request` is in this queue. */
  remove(request: SeatRequest): void {
    const { before, after } = request;
    if (before === undefined) this.#head = after;
    else before.after = after;
    if (after === undefined) this.#tail = before;
    else after.before = before;
    request.before = request.after = undefined;
    this.#count(request, -1);
  }

  /** Nobody is served before they came: a queue that was not used up gets no credit for it. */
  boundNextDispatch(): void {
    const arrivalR = this.#head?.arrivalR;
    if (arrivalR !== undefined && this.nextDispatchR < arrivalR) this.nextDispatchR = arrivalR;
  }

  *requests(): Generator<SeatRequest> {
    for (let request = this.#head; request !== undefined; request = request.after) yield request;
  }

  #count({ work, maxSeats, totalWork }: SeatRequest, by: 1 | -1): void {
    this.#length += by;
    this.initialSeatsSum += by * work.initialSeats;
    this.maxSeatsSum += by * maxSeats;
    // an empty queue is exactly empty, whatever was rounded
    this.totalWorkSum = this.#length === 0 ? 0 : this.totalWorkSum + by * totalWork;
  }
}
