/** What is counted of the requests of one FlowSchema in one priority level. @module */
import { Histogram } from "./histogram.ts";

export type RejectReason = "queue-full" | "concurrency-limit" | "time-out" | "cancelled";

const DURATION_BUCKETS = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const QUEUE_LENGTH_BUCKETS = [0, 10, 25, 50, 100, 250, 500, 1000];
const WATCH_COUNT_BUCKETS = [0, 1, 10, 100, 1000, 10_000];
const SEAT_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 100];

export class FlowStats {
  readonly level: string;
  readonly schema: string;
  readonly rejected: Map<RejectReason, number> = new Map();
  dispatched = 0;
  noAccommodation = 0;
  waiting = 0;
  seatsWaiting = 0;
  executing = 0;
  seatsExecuting = 0;
  readonly queueLength: Histogram = new Histogram(QUEUE_LENGTH_BUCKETS);
  readonly waitedAndExecuted: Histogram = new Histogram(DURATION_BUCKETS);
  readonly waitedInVain: Histogram = new Histogram(DURATION_BUCKETS);
  readonly regularSeconds: Histogram = new Histogram(DURATION_BUCKETS);
  readonly watchSeconds: Histogram = new Histogram(DURATION_BUCKETS);
  readonly watchCount: Histogram = new Histogram(WATCH_COUNT_BUCKETS);
  readonly estimatedSeats: Histogram = new Histogram(SEAT_BUCKETS);

  constructor(level: string, schema: string) {
    this.level = level;
    this.schema = schema;
  }

  reject(reason: RejectReason): void {
    this.rejected.set(reason, (this.rejected.get(reason) ?? 0) + 1);
  }

  /** Nobody waits or runs: it may be forgotten. */
  get isIdle(): boolean {
    return this.waiting === 0 && this.executing === 0 && this.seatsExecuting === 0;
  }
}
