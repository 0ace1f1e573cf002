/** What the node lacks at this moment: its conditions, and the threshold to act on. Pure; a state machine as upstream's. @module */
import {
  amountOfThreshold,
  SIGNALS,
  type PressureCondition,
  type Signal,
  type Threshold,
} from "./thresholds.ts";

export interface Observation {
  readonly available: number;
  readonly capacity: number;
  /** When it was measured, ms. */
  readonly time: number;
}

export type Observations = Readonly<Partial<Record<Signal, Observation>>>;

/** What is remembered from one look to the next. */
export interface PressureState {
  /** Thresholds that were met and are not resolved yet. */
  readonly met: readonly Threshold[];
  readonly firstObservedAt: ReadonlyMap<string, number>;
  readonly conditionObservedAt: ReadonlyMap<PressureCondition, number>;
  readonly last: Observations;
}

export const NO_PRESSURE: PressureState = {
  met: [],
  firstObservedAt: new Map(),
  conditionObservedAt: new Map(),
  last: {},
};

export interface Pressure {
  readonly state: PressureState;
  readonly conditions: readonly PressureCondition[];
  /** Those whose grace period is over and that were measured anew, memory first. */
  readonly starved: readonly Threshold[];
}

export function planPressure(
  before: PressureState,
  all: readonly Threshold[],
  observations: Observations,
  nowMs: number,
  transitionPeriodMs: number,
): Pressure {
  const now = thresholdsMet(all, observations, false);
  const known = new Set(now.map(keyOf));
  const unresolved = thresholdsMet(before.met, observations, true).filter((one) => !known.has(keyOf(one)));
  const observed = [...now, ...unresolved];
  const firstObservedAt = new Map(
    observed.map((one) => [keyOf(one), before.firstObservedAt.get(keyOf(one)) ?? nowMs]),
  );
  const conditionObservedAt = new Map(before.conditionObservedAt);
  for (const { signal } of observed) conditionObservedAt.set(SIGNALS[signal].condition, nowMs);
  for (const [condition, at] of conditionObservedAt)
    if (at !== nowMs && nowMs - at >= transitionPeriodMs) conditionObservedAt.delete(condition);
  const met = observed.filter((one) => nowMs - firstObservedAt.get(keyOf(one))! >= one.gracePeriodMs);
  const starved = met.filter(({ signal }) => {
    const last = before.last[signal];
    return last === undefined || observations[signal]!.time > last.time;
  });
  return {
    state: { met, firstObservedAt, conditionObservedAt, last: observations },
    conditions: [...conditionObservedAt.keys()],
    starved: starved.toSorted((a, b) => Number(isMemory(b)) - Number(isMemory(a))),
  };
}

/** Thresholds below which the node is; with `enforceMinReclaim` also those that it is not far enough above. */
export function thresholdsMet(
  thresholds: readonly Threshold[],
  observations: Observations,
  enforceMinReclaim: boolean,
): readonly Threshold[] {
  return thresholds.filter(({ signal, value, minReclaim }) => {
    const observed = observations[signal];
    if (observed === undefined) return false;
    const { available, capacity } = observed;
    const more = enforceMinReclaim && minReclaim !== undefined ? amountOfThreshold(minReclaim, capacity) : 0;
    return available < amountOfThreshold(value, capacity) + more;
  });
}

function isMemory({ signal }: Threshold): boolean {
  return SIGNALS[signal].resource === "memory";
}

function keyOf({ signal, value, gracePeriodMs }: Threshold): string {
  return JSON.stringify([signal, value, gracePeriodMs]);
}
