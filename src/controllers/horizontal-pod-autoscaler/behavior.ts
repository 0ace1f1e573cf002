/** How fast the number of replicas may follow what metrics ask for. Pure. @module */
import type {
  HorizontalPodAutoscalerBehavior,
  HPAScalingPolicy,
  HPAScalingRules,
} from "#api/autoscaling/v2/types.gen";

/** How long the highest recommendation counts against scaling down, where the autoscaler does not say. */
export const DOWNSCALE_STABILIZATION_SECONDS = 300;
const SCALE_UP_FACTOR = 2;
const SCALE_UP_MINIMUM = 4;

export interface Recommendation {
  readonly replicas: number;
  readonly atMs: number;
}

/** What is remembered of one autoscaler. */
export interface Memory {
  readonly recommendations: readonly Recommendation[];
  /** By how much it was scaled; positive is up. */
  readonly changes: readonly Recommendation[];
}

export interface Bounds {
  readonly current: number;
  readonly min: number;
  readonly max: number;
}

export interface Verdict {
  readonly replicas: number;
  readonly reason: string;
  readonly message: string;
}

export interface Normalized {
  readonly replicas: number;
  readonly stabilized: Verdict | undefined;
  readonly limited: Verdict & { readonly isLimited: boolean };
}

const IN_RANGE = {
  reason: "DesiredWithinRange",
  message: "the desired count is within the acceptable range",
};

export function normalize(
  desired: number,
  bounds: Bounds,
  behavior: HorizontalPodAutoscalerBehavior | undefined,
  memory: Memory,
  nowMs: number,
): Normalized {
  const stabilized = stabilize(desired, bounds, behavior, memory, nowMs);
  const limited =
    behavior === undefined
      ? limitByRules(stabilized.replicas, bounds)
      : limitByRates(stabilized.replicas, bounds, behavior, memory, nowMs);
  return {
    replicas: limited.replicas,
    stabilized: stabilized.replicas === desired ? undefined : stabilized,
    limited: { ...limited, isLimited: limited.replicas !== stabilized.replicas },
  };
}

/** The present number, moved up to the lowest recent recommendation, or down to the highest. */
function stabilize(
  desired: number,
  { current }: Bounds,
  behavior: HorizontalPodAutoscalerBehavior | undefined,
  { recommendations }: Memory,
  nowMs: number,
): Verdict {
  const recent = (seconds: number): readonly number[] =>
    recommendations.filter(({ atMs }) => atMs > nowMs - seconds * 1000).map(({ replicas }) => replicas);
  const downSeconds = behavior?.scaleDown?.stabilizationWindowSeconds ?? DOWNSCALE_STABILIZATION_SECONDS;
  const highest = Math.max(desired, ...recent(downSeconds));
  const down = {
    reason: "ScaleDownStabilized",
    message:
      "recent recommendations were higher than current one, applying the highest recent recommendation",
  };
  if (behavior === undefined) return { replicas: highest, ...down };
  const lowest = Math.min(desired, ...recent(behavior.scaleUp?.stabilizationWindowSeconds ?? 0));
  const up = {
    reason: "ScaleUpStabilized",
    message: "recent recommendations were lower than current one, applying the lowest recent recommendation",
  };
  return { replicas: Math.min(Math.max(current, lowest), highest), ...(desired >= current ? up : down) };
}

/** Without rules of its own, a target may double, or grow to four. */
function limitByRules(desired: number, { current, min, max }: Bounds): Verdict {
  const rate = Math.max(SCALE_UP_FACTOR * current, SCALE_UP_MINIMUM);
  if (desired < min) return tooFew(min);
  if (desired <= Math.min(max, rate)) return { replicas: desired, ...IN_RANGE };
  return max > rate ? tooFast(rate, "Up") : tooMany(max);
}

function limitByRates(
  desired: number,
  { current, min, max }: Bounds,
  { scaleUp = {}, scaleDown = {} }: HorizontalPodAutoscalerBehavior,
  memory: Memory,
  nowMs: number,
): Verdict {
  if (desired > current) {
    const limit = Math.max(rateLimit(current, scaleUp, 1, memory, nowMs), current);
    const allowed = Math.min(max, limit);
    if (desired > allowed) return max > limit ? tooFast(allowed, "Up") : tooMany(allowed);
  } else if (desired < current) {
    const limit = Math.min(rateLimit(current, scaleDown, -1, memory, nowMs), current);
    const allowed = Math.max(min, limit);
    if (desired < allowed) return min < limit ? tooFast(allowed, "Down") : tooFew(allowed);
  }
  return { replicas: desired, ...IN_RANGE };
}

/** How far the policies let it go in this direction; the one that goes farthest, or least far, decides. */
function rateLimit(
  current: number,
  { selectPolicy = "Max", policies = [] }: HPAScalingRules,
  direction: 1 | -1,
  { changes }: Memory,
  nowMs: number,
): number {
  if (selectPolicy === "Disabled") return current;
  const proposals = policies.map((policy) => {
    const recent = changes.filter(({ atMs }) => atMs > nowMs - policy.periodSeconds * 1000);
    const before = current - recent.reduce((sum, { replicas }) => sum + replicas, 0);
    return proposal(before, policy, direction);
  });
  const isFarthest = selectPolicy !== "Min";
  return isFarthest === (direction === 1) ? Math.max(...proposals) : Math.min(...proposals);
}

function proposal(before: number, { type, value }: HPAScalingPolicy, direction: 1 | -1): number {
  if (type === "Pods") return before + direction * value;
  const scaled = before * (1 + (direction * value) / 100);
  return direction === 1 ? Math.ceil(scaled) : Math.trunc(scaled);
}

function tooFast(replicas: number, way: "Up" | "Down"): Verdict {
  const verb = way === "Up" ? "increasing" : "decreasing";
  const message = `the desired replica count is ${verb} faster than the maximum scale rate`;
  return { replicas, reason: `Scale${way}Limit`, message };
}

function tooMany(replicas: number): Verdict {
  const message = "the desired replica count is more than the maximum replica count";
  return { replicas, reason: "TooManyReplicas", message };
}

function tooFew(replicas: number): Verdict {
  const message = "the desired replica count is less than the minimum replica count";
  return { replicas, reason: "TooFewReplicas", message };
}

/** What later decisions may still ask for. */
export function remember(
  memory: Memory,
  behavior: HorizontalPodAutoscalerBehavior | undefined,
  seen: { readonly recommended: number | undefined; readonly change: number },
  nowMs: number,
): Memory {
  const windows = [behavior?.scaleUp, behavior?.scaleDown].map(
    (rules) => rules?.stabilizationWindowSeconds ?? 0,
  );
  const periods = [behavior?.scaleUp, behavior?.scaleDown].flatMap((rules) =>
    (rules?.policies ?? []).map(({ periodSeconds }) => periodSeconds),
  );
  const since = (seconds: number): ((entry: Recommendation) => boolean) => {
    return ({ atMs }) => atMs > nowMs - seconds * 1000;
  };
  const { recommended, change } = seen;
  const keepRecommendation = since(Math.max(DOWNSCALE_STABILIZATION_SECONDS, ...windows));
  return {
    recommendations: [
      ...memory.recommendations.filter(keepRecommendation),
      ...(recommended === undefined ? [] : [{ replicas: recommended, atMs: nowMs }]),
    ],
    changes: [
      ...memory.changes.filter(since(Math.max(0, ...periods))),
      ...(change === 0 ? [] : [{ replicas: change, atMs: nowMs }]),
    ],
  };
}
