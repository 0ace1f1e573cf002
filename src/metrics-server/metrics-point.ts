/** One measurement, and what two of them say of the time between; upstream metrics-server's rules. Pure. @module */

export interface MetricsPoint {
  /** When the container began; undefined: not told, as of nodes. */
  readonly startedAtMs?: number;
  readonly atMs: number;
  /** Since the start. */
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

export interface ResourceUsage {
  readonly atMs: number;
  readonly windowMs: number;
  readonly cpuCores: number;
  readonly memoryBytes: number;
}

/** A container is shown before its second measurement once it ran this long. */
const FRESH_MS_MIN = 10_000;

/** Undefined when they are not two points of one life: a counter that goes back was started anew. */
export function resourceUsage(last: MetricsPoint, previous: MetricsPoint): ResourceUsage | undefined {
  const windowMs = last.atMs - previous.atMs;
  if (windowMs <= 0 || last.cpuSeconds < previous.cpuSeconds) return undefined;
  const { atMs, memoryBytes } = last;
  return {
    atMs,
    windowMs,
    cpuCores: (last.cpuSeconds - previous.cpuSeconds) / (windowMs / 1000),
    memoryBytes,
  };
}

/**
 * What the newest point is compared with. A kubelet may tell the same measurement twice: then the pair stays as it was.
 * A container that began within the last `resolutionMs` had used nothing at its start.
 */
export function previousPoint(
  last: MetricsPoint,
  known: { readonly last?: MetricsPoint | undefined; readonly previous?: MetricsPoint | undefined },
  resolutionMs: number,
): MetricsPoint | undefined {
  const isSameLife = known.last !== undefined && known.last.startedAtMs === last.startedAtMs;
  if (isSameLife && known.last.atMs < last.atMs) return known.last;
  if (isSameLife && known.last.atMs === last.atMs && known.previous !== undefined) return known.previous;
  const { startedAtMs } = last;
  if (startedAtMs === undefined) return undefined;
  const ageMs = last.atMs - startedAtMs;
  if (ageMs < FRESH_MS_MIN || ageMs >= resolutionMs) return undefined;
  return { startedAtMs, atMs: startedAtMs, cpuSeconds: 0, memoryBytes: 0 };
}
