/**
 * Conversion of HorizontalPodAutoscalers between v1 and v2. What v1 has no field for travels in annotations, so that
 * nothing is lost when a v1 client writes back what it read.
 * @module
 */
import type { ObjectMeta } from "#apimachinery";
import type * as v2 from "../v2/types.gen.ts";
import {
  specFromLegacy,
  specToLegacy,
  statusFromLegacy,
  statusToLegacy,
  type LegacyMetric,
} from "./legacy-metrics.ts";
import type { HorizontalPodAutoscaler } from "./types.gen.ts";

const METRICS = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior";
const CARRIED: ReadonlySet<string> = new Set([METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR]);
const DEFAULT_CPU_UTILIZATION = 80;

export function toV2(hpa: HorizontalPodAutoscaler): v2.HorizontalPodAutoscaler {
  const { annotations = {} } = hpa.metadata;
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: withAnnotations(hpa.metadata, {}),
    spec: specToV2(hpa.spec, annotations),
    ...(hpa.status !== undefined && { status: statusToV2(hpa.status, annotations) }),
  };
}

function specToV2(
  spec: NonNullable<HorizontalPodAutoscaler["spec"]>,
  annotations: Readonly<Record<string, string>>,
): v2.HorizontalPodAutoscalerSpec {
  const { targetCPUUtilizationPercentage: cpu, ...rest } = spec;
  const others = (decodeList(annotations[METRICS]) ?? []) as readonly LegacyMetric[];
  const metrics = [...others.map(specFromLegacy), ...(cpu === undefined ? [] : [cpuMetric(cpu)])];
  const behavior: v2.HorizontalPodAutoscalerBehavior | undefined = decode(annotations[BEHAVIOR]);
  return {
    ...rest,
    metrics: metrics.length > 0 ? metrics : [cpuMetric(DEFAULT_CPU_UTILIZATION)],
    ...(behavior !== undefined && { behavior }),
  };
}

function statusToV2(
  status: NonNullable<HorizontalPodAutoscaler["status"]>,
  annotations: Readonly<Record<string, string>>,
): v2.HorizontalPodAutoscalerStatus {
  const { currentCPUUtilizationPercentage: cpu, ...rest } = status;
  const carried = decodeList(annotations[CURRENT_METRICS]) as readonly LegacyMetric[] | undefined;
  const conditions = decodeList(annotations[CONDITIONS]) as
    | readonly v2.HorizontalPodAutoscalerCondition[]
    | undefined;
  const own: readonly v2.MetricStatus[] =
    cpu === undefined
      ? []
      : [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: cpu } } }];
  const metrics = carried === undefined ? own : carried.map(statusFromLegacy);
  return {
    ...rest,
    ...(metrics.length > 0 && { currentMetrics: metrics }),
    ...(conditions !== undefined && { conditions }),
  };
}

export function toV1(hpa: v2.HorizontalPodAutoscaler): HorizontalPodAutoscaler {
  const {
    metrics = [],
    behavior,
    ...spec
  } = hpa.spec ?? { maxReplicas: 0, scaleTargetRef: { kind: "", name: "" } };
  const { currentMetrics = [], conditions = [], ...status } = hpa.status ?? { desiredReplicas: 0 };
  const cpu = metrics.filter(isCpuUtilization).at(-1)?.resource?.target.averageUtilization;
  const currentCpu = currentMetrics.filter(isCpuStatus).at(-1)?.resource?.current.averageUtilization;
  const others = metrics.filter((metric) => !isCpuUtilization(metric));
  const annotations = {
    ...(others.length > 0 && { [METRICS]: JSON.stringify(others.map(specToLegacy)) }),
    ...(currentMetrics.length > 0 && {
      [CURRENT_METRICS]: JSON.stringify(currentMetrics.map(statusToLegacy)),
    }),
    ...(behavior !== undefined && { [BEHAVIOR]: JSON.stringify(behavior) }),
    ...(conditions.length > 0 && { [CONDITIONS]: JSON.stringify(conditions) }),
  };
  return {
    apiVersion: "autoscaling/v1",
    kind: "HorizontalPodAutoscaler",
    metadata: withAnnotations(hpa.metadata, annotations),
    spec: { ...spec, ...(cpu !== undefined && { targetCPUUtilizationPercentage: cpu }) },
    ...(hpa.status !== undefined && {
      status: {
        ...status,
        currentReplicas: status.currentReplicas ?? 0,
        ...(currentCpu !== undefined && { currentCPUUtilizationPercentage: currentCpu }),
      },
    }),
  };
}

function cpuMetric(averageUtilization: number): v2.MetricSpec {
  return { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization } } };
}

function isCpuUtilization({ type, resource }: v2.MetricSpec): boolean {
  return type === "Resource" && resource?.name === "cpu" && resource.target.averageUtilization !== undefined;
}

function isCpuStatus({ type, resource }: v2.MetricStatus): boolean {
  return type === "Resource" && resource?.name === "cpu" && resource.current.averageUtilization !== undefined;
}

/** Replaces the annotations that carry v2 fields. */
function withAnnotations(metadata: ObjectMeta, carried: Readonly<Record<string, string>>): ObjectMeta {
  const { annotations, ...rest } = metadata;
  const kept = Object.entries(annotations ?? {}).filter(([key]) => !CARRIED.has(key));
  const all = { ...Object.fromEntries(kept), ...carried };
  return Object.keys(all).length === 0 ? rest : { ...rest, annotations: all };
}

/** Annotations are the user's to break: what does not parse is as good as absent. */
function decode(text: string | undefined): object | undefined {
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function decodeList(text: string | undefined): readonly object[] | undefined {
  const value = decode(text);
  if (!Array.isArray(value)) return undefined;
  return (value as readonly unknown[]).filter((item) => typeof item === "object" && item !== null);
}
