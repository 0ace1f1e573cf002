/** One priority level at work: its configuration, its limits as they stand, its queues. @module */
import type { Clock } from "#apimachinery";
import type {
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
} from "#api/flowcontrol/v1/types.gen";
import { DroppedRequests } from "./dropped-requests.ts";
import type { LevelDemand, SeatLimits } from "./plan-limits.ts";
import { requestSeatsMax } from "./plan-limits.ts";
import { QueueSet } from "./queue-set.ts";
import { smoothedDemand, type DemandInterval } from "./seat-demand.ts";

export interface LevelQueuing {
  readonly queues: number;
  readonly queueLengthMax: number;
  readonly handSize: number;
}

const NO_QUEUES: LevelQueuing = { queues: 0, queueLengthMax: 0, handSize: 1 };

export class PriorityLevel {
  readonly name: string;
  readonly queueSet: QueueSet;
  readonly dropped: DroppedRequests = new DroppedRequests();
  /** Nobody wants it any more; it goes when it is idle. */
  isQuiescing = false;
  #config: PriorityLevelConfiguration;
  #limits: SeatLimits | undefined;
  #currentLimit = 0;
  #interval: DemandInterval = { seconds: 0, average: 0, deviation: 0, max: 0 };
  #smoothed = 0;
  target = 0;

  constructor(config: PriorityLevelConfiguration, clock: Clock) {
    this.name = config.metadata.name;
    this.#config = config;
    this.queueSet = new QueueSet(clock);
  }

  get spec(): PriorityLevelConfigurationSpec {
    return this.#config.spec!;
  }

  get uid(): string {
    return this.#config.metadata.uid ?? "";
  }

  get isExempt(): boolean {
    return this.spec.type === "Exempt";
  }

  get queuing(): LevelQueuing {
    const queuing = this.spec.limited?.limitResponse?.queuing;
    if (queuing === undefined) return NO_QUEUES;
    const { queues = 0, queueLengthLimit = 0, handSize = 1 } = queuing;
    return { queues, queueLengthMax: queueLengthLimit, handSize };
  }

  get limits(): SeatLimits {
    return this.#limits ?? { nominal: 0, min: 0, max: 0 };
  }

  get currentLimit(): number {
    return this.#currentLimit;
  }

  /** The most seats that one request may be estimated at; 0: no own bound. */
  get requestSeatsMax(): number {
    return requestSeatsMax(this.spec, this.limits.nominal);
  }

  /** Of the last interval between two adjustments. */
  get interval(): DemandInterval {
    return this.#interval;
  }

  get demand(): LevelDemand {
    return {
      isExempt: this.isExempt,
      limits: this.limits,
      currentLimit: this.#currentLimit,
      highWatermark: Math.round(this.#interval.max),
      smoothed: this.#smoothed,
    };
  }

  reconfigure(config: PriorityLevelConfiguration): void {
    this.#config = config;
    this.isQuiescing = false;
  }

  setLimits(limits: SeatLimits): void {
    // A new level begins half way between what is its own and what it might lend.
    this.#limits ??=
      ((this.#currentLimit = limits.nominal - Math.floor((limits.nominal - limits.min) / 2)), limits);
    this.#limits = limits;
  }

  /** Looks back at what was needed since the last time. */
  measure(nowMs: number): void {
    this.#interval = this.queueSet.meters.demand.next(nowMs);
    this.#smoothed = smoothedDemand(this.#smoothed, this.#interval);
  }

  /** `fallback` stands for no seats at all, where a part of them is told. */
  adjust(currentLimit: number, target: number, fallback: number): void {
    this.#currentLimit = currentLimit;
    this.target = target;
    const { queues, queueLengthMax } = this.queuing;
    const denominator = currentLimit > 0 ? currentLimit : fallback;
    this.queueSet.configure(
      { queues, queueLengthMax, isExempt: this.isExempt },
      { concurrencyLimit: currentLimit, denominator },
    );
  }
}
