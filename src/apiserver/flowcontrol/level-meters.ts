/** What is measured of one priority level over time. @module */
import { TimingRatio } from "./histogram.ts";
import { SeatDemand } from "./seat-demand.ts";

const SEAT_BUCKETS = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1];
const REQUEST_BUCKETS = [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 1];
const DEMAND_BUCKETS = [0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.7, 2, 2.8, 4, 6];

/** Progress of the queues when one was last chosen; seat-seconds. Written anew each time: it is on the path of every request. */
export interface DispatchReading {
  r: number;
  latestS: number;
  /** Of the starts of the queues where somebody waits. */
  minS: number;
  maxS: number;
  /** Less the work under way. */
  discountedMinS: number;
  discountedMaxS: number;
}

export class LevelMeters {
  readonly waiting: TimingRatio;
  readonly executing: TimingRatio;
  readonly seats: TimingRatio;
  readonly demandRatio: TimingRatio;
  readonly demand: SeatDemand;
  currentR = 0;
  readonly dispatch: DispatchReading = {
    r: 0,
    latestS: 0,
    minS: 0,
    maxS: 0,
    discountedMinS: 0,
    discountedMaxS: 0,
  };

  constructor(nowMs: number) {
    this.waiting = new TimingRatio(REQUEST_BUCKETS, nowMs);
    this.executing = new TimingRatio(REQUEST_BUCKETS, nowMs);
    this.seats = new TimingRatio(SEAT_BUCKETS, nowMs);
    this.demandRatio = new TimingRatio(DEMAND_BUCKETS, nowMs);
    this.demand = new SeatDemand(nowMs);
  }

  update(waiting: number, executing: number, seatsInUse: number, seatsWaiting: number, nowMs: number): void {
    this.waiting.set(waiting, nowMs);
    this.executing.set(executing, nowMs);
    this.seats.set(seatsInUse, nowMs);
    this.demand.set(seatsInUse + seatsWaiting, nowMs);
    this.demandRatio.set(seatsInUse + seatsWaiting, nowMs);
  }

  /** What full means: of the queues, and of the seats. */
  configure(queueCapacity: number, seats: number, nowMs: number): void {
    this.waiting.setDenominator(queueCapacity, nowMs);
    this.executing.setDenominator(seats, nowMs);
    this.seats.setDenominator(seats, nowMs);
    this.demandRatio.setDenominator(seats, nowMs);
  }
}
