/** API Priority and Fairness: which requests run now, which wait, which are refused; upstream's `configController`. @module */
import type { FlowSchema, PriorityLevelConfiguration } from "#api/flowcontrol/v1/types.gen";
import type { Clock } from "#apimachinery";
import type { RequestInfo } from "../http/request-info.ts";
import type { UserInfo } from "../user-info.ts";
import { mandatoryPriorityLevels } from "./bootstrap-configuration.ts";
import { Classifier, type Flow } from "./classifier.ts";
import { FlowStats } from "./flow-stats.ts";
import { isUsable, planSchemas, type ConditionUpdate } from "./plan-configuration.ts";
import { planBorrowing, planLimits } from "./plan-limits.ts";
import { PriorityLevel } from "./priority-level.ts";
import { ReadWriteMeters } from "./read-write-meters.ts";
import { Seat, tooManyRequests, type SeatKeeper, type SeatSeeker } from "./seat.ts";
import { WatchTracker } from "./watch-tracker.ts";
import {
  estimateWork,
  isOneSeat,
  ONE_SEAT,
  seatsOf,
  type EstimateFacts,
  type ObjectStats,
} from "./work-estimate.ts";

export interface FlowControlOptions {
  readonly clock: Clock;
  /** Seats of the whole server; positive. */
  readonly concurrencyLimit: number;
  readonly objectStats: (info: RequestInfo) => ObjectStats | undefined;
}

export interface FlowRequest extends SeatSeeker {
  readonly user: UserInfo;
}

/** Series of FlowSchemas that are gone are kept up to this many. */
const STATS_MAX = 2_000;
export class FlowControl {
  readonly #options: FlowControlOptions;
  readonly #stats = new Map<string, FlowStats>();
  readonly #keeper: SeatKeeper;
  #levels: ReadonlyMap<string, PriorityLevel> = new Map();
  #classifier: Classifier;
  #stored: readonly PriorityLevelConfiguration[] = [];
  #schemas: readonly FlowSchema[] = [];
  #fairFraction = 0;

  constructor(options: FlowControlOptions) {
    this.#options = options;
    const { clock } = options;
    this.#keeper = {
      clock,
      meters: new ReadWriteMeters(clock.monotonicMs()),
      watches: new WatchTracker(),
      onLeave: (level) => this.#reap(level),
    };
    this.#classifier = new Classifier({
      schemas: [],
      levels: this.#levels,
      stats: () => new FlowStats("", ""),
    });
    this.digest([], []);
  }

  get levels(): ReadonlyMap<string, PriorityLevel> {
    return this.#levels;
  }

  get readWrite(): ReadWriteMeters {
    return this.#keeper.meters;
  }

  get fairFraction(): number {
    return this.#fairFraction;
  }

  flowStats(): Iterable<FlowStats> {
    return this.#stats.values();
  }

  /** Takes the stored objects as the configuration; returns the statuses that do not tell the truth about them. */
  digest(
    levels: readonly PriorityLevelConfiguration[],
    schemas: readonly FlowSchema[],
  ): readonly ConditionUpdate[] {
    this.#stored = levels;
    this.#schemas = schemas;
    const usable = levels.filter(isUsable);
    const next = this.#nextLevels(usable);
    const wanted = new Set(usable.map(({ metadata }) => metadata.name));
    const plan = planSchemas(schemas, wanted, this.#options.clock.now());
    this.#levels = next;
    const all = [...next.values()];
    const limits = planLimits(
      this.#options.concurrencyLimit,
      all.map(({ spec }) => spec),
    );
    for (const [i, level] of all.entries()) level.setLimits(limits[i]!);
    this.adjust();
    this.#forgetStats();
    this.#classifier = new Classifier({
      schemas: plan.schemas,
      levels: next,
      stats: (level, schema) => this.#statsOf(level, schema),
    });
    const [waiting, executing] = this.#capacity();
    this.readWrite.configure(waiting, executing, this.#options.clock.monotonicMs());
    return plan.updates;
  }

  /** Divides the seats anew by what each level needed since the last time. */
  adjust(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const levels = [...this.#levels.values()];
    for (const level of levels) level.measure(nowMs);
    const { currentLimits, targets, fairFraction } = planBorrowing(levels.map(({ demand }) => demand));
    const fallback = Math.max(1, Math.round(this.#options.concurrencyLimit / 10));
    for (const [i, level] of levels.entries()) level.adjust(currentLimits[i]!, targets[i]!, fallback);
    this.#fairFraction = fairFraction;
  }

  /** Where a request belongs; who answers it says so in its headers. */
  classify(user: UserInfo, info: RequestInfo): Flow {
    return this.#classifier.classify(user, info);
  }

  /** Throws TooManyRequests when there is neither a seat nor a place to wait for one. */
  enter(flow: Flow, asked: FlowRequest): Seat {
    const { level, stats, distinguisher, hand } = flow;
    const { user, info, query } = asked;
    const work = isOneSeat(info) ? ONE_SEAT : estimateWork(info, query, this.#facts(flow, info));
    stats.estimatedSeats.observe(seatsOf(work));
    const request = level.queueSet.start({ stats, distinguisher, hand, work, user, info });
    if (typeof request !== "string") return new Seat(this.#keeper, level, request, asked);
    if (!level.isExempt) stats.waitedInVain.observe(0);
    this.#reap(level);
    throw tooManyRequests(level, this.#options.clock.now());
  }

  #facts({ level, stats }: Flow, info: RequestInfo): EstimateFacts {
    return {
      seatsMax: level.requestSeatsMax,
      objectStats: () => this.#options.objectStats(info),
      watchCount: () => {
        const count = this.#keeper.watches.interested(info);
        stats.watchCount.observe(count);
        return count;
      },
    };
  }

  /** Levels that nobody wants any more stay until nobody uses them; the mandatory ones always. */
  #nextLevels(usable: readonly PriorityLevelConfiguration[]): Map<string, PriorityLevel> {
    const next = new Map<string, PriorityLevel>();
    const take = (config: PriorityLevelConfiguration): void => {
      const { name } = config.metadata;
      const level = this.#levels.get(name) ?? new PriorityLevel(config, this.#options.clock);
      level.reconfigure(config);
      next.set(name, level);
    };
    for (const config of usable) take(config);
    for (const config of mandatoryPriorityLevels) if (!next.has(config.metadata.name)) take(config);
    for (const [name, level] of this.#levels) {
      if (next.has(name) || level.queueSet.isIdle) continue;
      level.isQuiescing = true;
      next.set(name, level);
    }
    return next;
  }

  #reap(level: PriorityLevel): void {
    if (level.isQuiescing && level.queueSet.isIdle) this.digest(this.#stored, this.#schemas);
  }

  #statsOf(level: string, schema: string): FlowStats {
    const key = `${level} ${schema}`;
    let stats = this.#stats.get(key);
    if (stats === undefined) this.#stats.set(key, (stats = new FlowStats(level, schema)));
    return stats;
  }

  #forgetStats(): void {
    if (this.#stats.size <= STATS_MAX) return;
    const names = new Set(this.#schemas.map(({ metadata }) => metadata.name));
    for (const [key, stats] of this.#stats) {
      if (stats.isIdle && !names.has(stats.schema)) this.#stats.delete(key);
    }
  }

  /** Of all queues, and of all seats. */
  #capacity(): [waiting: number, executing: number] {
    let waiting = 0;
    let executing = 0;
    for (const { queuing, limits } of this.#levels.values()) {
      waiting += queuing.queues * queuing.queueLengthMax;
      executing += limits.nominal;
    }
    return [waiting, executing];
  }
}
