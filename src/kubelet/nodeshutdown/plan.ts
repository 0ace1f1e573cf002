/** Which pods go when, before the machine does. Pure; rules are upstream's. @module */
import type { Pod } from "#api/core/v1/types.gen";
import { specOf } from "../container/pod-spec.ts";

export interface ShutdownPeriod {
  readonly priority: number;
  readonly shutdownGracePeriodSeconds: number;
}

export interface ShutdownConfig {
  /** All of the time that pods get; 0: none. */
  readonly gracePeriodSeconds?: number;
  /** The part of it that critical pods get, after the others. */
  readonly gracePeriodCriticalPodsSeconds?: number;
  /** Instead of both. */
  readonly byPodPriority?: readonly ShutdownPeriod[];
}

export interface ShutdownGroup extends ShutdownPeriod {
  readonly pods: readonly Pod[];
}

const SYSTEM_CRITICAL = 2_000_000_000;
const DEFAULT_PRIORITY = 0;

/** From the lowest priority to the highest; none: pods are not told of a shutdown. */
export function shutdownPeriods(config: ShutdownConfig): readonly ShutdownPeriod[] {
  const { gracePeriodSeconds: all = 0, gracePeriodCriticalPodsSeconds: critical = 0 } = config;
  const given = config.byPodPriority ?? [];
  if (given.length > 0) return given.toSorted((a, b) => a.priority - b.priority);
  if (all === 0 || critical > all) return [];
  return [
    { priority: DEFAULT_PRIORITY, shutdownGracePeriodSeconds: Math.floor(all - critical) },
    { priority: SYSTEM_CRITICAL, shutdownGracePeriodSeconds: Math.floor(critical) },
  ];
}

export function secondsRequested(periods: readonly ShutdownPeriod[]): number {
  return periods.reduce((sum, { shutdownGracePeriodSeconds }) => sum + shutdownGracePeriodSeconds, 0);
}

/** A pod belongs to the highest period that its priority reaches; below all of them, to the lowest. */
export function groupByPriority(
  periods: readonly ShutdownPeriod[],
  pods: readonly Pod[],
): readonly ShutdownGroup[] {
  const groups = periods.map((period) => ({ ...period, pods: [] as Pod[] }));
  for (const pod of pods) {
    const priority = specOf(pod).priority ?? 0;
    const group = groups.findLast((g) => g.priority <= priority) ?? groups[0];
    group?.pods.push(pod);
  }
  return groups.filter((group) => group.pods.length > 0);
}

/** A pod that needs less than its group gets no more than it asked for. */
export function graceSecondsOf(pod: Pod, { shutdownGracePeriodSeconds: most }: ShutdownPeriod): number {
  return Math.min(most, specOf(pod).terminationGracePeriodSeconds ?? most);
}
