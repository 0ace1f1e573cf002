/** The decision of the autoscaler, without clock, cache or network. @module */
import { formatTime } from "#apimachinery";
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition as Condition,
  HorizontalPodAutoscalerStatus,
  MetricStatus,
} from "#api/autoscaling/v2/types.gen";
import type { Bounds, Memory } from "./behavior.ts";
import { normalize, remember } from "./behavior.ts";

/** What one metric asks for, or why it cannot be told. */
export type MetricResult =
  | { readonly replicas: number; readonly name: string; readonly status: MetricStatus }
  | { readonly reason: string; readonly error: string; readonly context: string };

export interface AutoscalerEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export interface Plan {
  /** The number to scale to; undefined: as it is. */
  readonly scaleTo: number | undefined;
  /** Why, for the event. */
  readonly why: string;
  /** As it is once the scaling has succeeded. */
  readonly status: HorizontalPodAutoscalerStatus;
  readonly events: readonly AutoscalerEvent[];
  readonly memory: Memory;
}

export interface Observed {
  readonly current: number;
  /** Why pods cannot be selected, in place of metrics. */
  readonly metrics: readonly MetricResult[];
  readonly memory: Memory;
  readonly nowMs: number;
}

type Conditions = readonly Condition[];

export function setCondition(
  conditions: Conditions,
  next: Omit<Condition, "lastTransitionTime">,
  nowMs: number,
): Conditions {
  const old = conditions.find(({ type }) => type === next.type);
  const isSame = old?.status === next.status && old.lastTransitionTime !== undefined;
  const full = { ...next, lastTransitionTime: isSame ? old.lastTransitionTime : formatTime(nowMs) };
  return old === undefined ? [...conditions, full] : conditions.map((c) => (c === old ? full : c));
}

/** Whether metrics decide: neither switched off by zero replicas nor outside of the bounds. */
export function needsMetrics({ spec }: HorizontalPodAutoscaler, current: number): boolean {
  return current !== 0 && current <= spec.maxReplicas && current >= (spec.minReplicas ?? 1);
}

export function plan(hpa: HorizontalPodAutoscaler, observed: Observed): Plan {
  const { current, nowMs } = observed;
  const { minReplicas: min = 1, maxReplicas: max } = hpa.spec;
  const message = "the HPA controller was able to get the target's current scale";
  const able = { type: "AbleToScale", status: "True", reason: "SucceededGetScale", message };
  const conditions = setCondition(hpa.status?.conditions ?? [], able, nowMs);
  if (current === 0 && min !== 0) {
    const disabled = {
      type: "ScalingActive",
      status: "False",
      reason: "ScalingDisabled",
      message: "scaling is disabled since the replica count of the target is zero",
    };
    return settle(hpa, observed, {
      desired: 0,
      why: "",
      conditions: setCondition(conditions, disabled, nowMs),
    });
  }
  if (current > max)
    return settle(hpa, observed, {
      desired: max,
      why: "Current number of replicas above Spec.MaxReplicas",
      conditions,
    });
  if (current < min)
    return settle(hpa, observed, {
      desired: min,
      why: "Current number of replicas below Spec.MinReplicas",
      conditions,
    });
  return planByMetrics(hpa, observed, { current, min, max }, conditions);
}

function planByMetrics(
  hpa: HorizontalPodAutoscaler,
  observed: Observed,
  bounds: Bounds,
  conditions: Conditions,
): Plan {
  const { metrics, nowMs } = observed;
  const failed = metrics.filter((metric) => "error" in metric);
  const known = metrics.filter((metric) => "replicas" in metric);
  const best = known.toSorted((a, b) => b.replicas - a.replicas)[0];
  const events = failed.map(({ reason, error }): AutoscalerEvent => ({
    type: "Warning",
    reason,
    message: error,
  }));
  const first = failed[0];
  if (best === undefined || (first !== undefined && best.replicas < bounds.current)) {
    return unknown(hpa, observed, conditions, events);
  }
  const message = `the HPA was able to successfully calculate a replica count from ${best.name}`;
  const active = { type: "ScalingActive", status: "True", reason: "ValidMetricFound", message };
  const { behavior } = hpa.spec;
  const started = withStart(observed);
  const { replicas, stabilized, limited } = normalize(best.replicas, bounds, behavior, started.memory, nowMs);
  const able =
    stabilized === undefined
      ? { reason: "ReadyForNewScale", message: "recommended size matches current size" }
      : { reason: stabilized.reason, message: stabilized.message };
  const limit = {
    status: limited.isLimited ? "True" : "False",
    reason: limited.reason,
    message: limited.message,
  };
  let all = setCondition(conditions, active, nowMs);
  all = setCondition(all, { type: "AbleToScale", status: "True", ...able }, nowMs);
  all = setCondition(all, { type: "ScalingLimited", ...limit }, nowMs);
  const why = best.replicas > bounds.current ? `${best.name} above target` : "All metrics below target";
  const p = settle(hpa, started, { desired: replicas, why, conditions: all, recommended: best.replicas });
  return { ...p, events: [...events, ...p.events] };
}

/** The number that is found at first counts as recommended, so that nothing shrinks at once. */
function withStart(observed: Observed): Observed {
  const { memory, current, nowMs } = observed;
  if (memory.recommendations.length > 0) return observed;
  return { ...observed, memory: { ...memory, recommendations: [{ replicas: current, atMs: nowMs }] } };
}

/** Too little is known to decide anything, least of all to shrink. */
function unknown(
  hpa: HorizontalPodAutoscaler,
  observed: Observed,
  conditions: Conditions,
  events: readonly AutoscalerEvent[],
): Plan {
  const { metrics, nowMs, current, memory } = observed;
  const failed = metrics.filter((metric) => "error" in metric);
  const first = failed[0] ?? {
    reason: "InvalidMetricSourceType",
    error: "no metrics",
    context: "no metrics",
  };
  const message = `the HPA was unable to compute the replica count: ${first.error}`;
  const inactive = { type: "ScalingActive", status: "False", reason: first.reason, message };
  const summary = `invalid metrics (${failed.length} invalid out of ${metrics.length}), first error is: ${first.context}`;
  return {
    scaleTo: undefined,
    why: "",
    status: {
      ...statusOf(hpa, observed, setCondition(conditions, inactive, nowMs)),
      currentReplicas: current,
      desiredReplicas: hpa.status?.desiredReplicas ?? 0,
    },
    events: [...events, { type: "Warning", reason: "FailedComputeMetricsReplicas", message: summary }],
    memory,
  };
}

function settle(
  hpa: HorizontalPodAutoscaler,
  observed: Observed,
  {
    desired,
    why,
    conditions,
    recommended,
  }: { desired: number; why: string; conditions: Conditions; recommended?: number },
): Plan {
  const { current, nowMs, memory } = observed;
  const isRescaled = desired !== current;
  const done = {
    type: "AbleToScale",
    status: "True",
    reason: "SucceededRescale",
    message: `the HPA controller was able to update the target scale to ${desired}`,
  };
  const all = isRescaled ? setCondition(conditions, done, nowMs) : conditions;
  const event: AutoscalerEvent = {
    type: "Normal",
    reason: "SuccessfulRescale",
    message: `New size: ${desired}; reason: ${why}`,
  };
  return {
    scaleTo: isRescaled ? desired : undefined,
    why,
    status: {
      ...statusOf(hpa, observed, all),
      desiredReplicas: desired,
      ...(isRescaled && { lastScaleTime: formatTime(nowMs) }),
    },
    events: isRescaled ? [event] : [],
    memory: remember(memory, hpa.spec.behavior, { recommended, change: desired - current }, nowMs),
  };
}

/** A metric that could not be told has an empty place, so that the others keep theirs. */
function statusOf(
  hpa: HorizontalPodAutoscaler,
  { metrics, current }: Observed,
  conditions: Conditions,
): Omit<HorizontalPodAutoscalerStatus, "desiredReplicas"> {
  const { lastScaleTime } = hpa.status ?? {};
  const currentMetrics = metrics.map((metric) => ("status" in metric ? metric.status : { type: "" }));
  return {
    currentReplicas: current,
    ...(lastScaleTime !== undefined && { lastScaleTime }),
    ...(currentMetrics.length > 0 && { currentMetrics }),
    conditions,
  };
}
