/** What a metric of pods, of an object or of the outside asks for, and how the status says it. Pure. @module */
import {
  formatQuantity,
  messageOf,
  newMilliQuantity,
  parseQuantity,
  quantityMilliValue,
} from "#apimachinery";
import type {
  HorizontalPodAutoscaler,
  MetricIdentifier,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from "#api/autoscaling/v2/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { podCondition } from "#api/core/v1/pod-state";
import { tolerancesOf } from "./compute-metric.ts";
import type { Usages } from "./metrics.ts";
import type { MetricResult } from "./plan.ts";
import type { Tolerances } from "./replica-calculator.ts";
import { isWithin, proposeReplicas } from "./replica-calculator.ts";

const REPLICAS_MAX = 2_147_483_647;

export interface ScaleState {
  /** What the scale asks for, and what it has. */
  readonly current: number;
  readonly observed: number;
  readonly pods: readonly Pod[];
  readonly nowMs: number;
}

interface Reckoned {
  readonly replicas: number;
  readonly current: MetricValueStatus;
}

/** `usages`: the error that fetching them ended with, or what it gave. */
export function computePodsMetric(
  hpa: HorizontalPodAutoscaler,
  { metric, target }: NonNullable<MetricSpec["pods"]>,
  { current, pods, nowMs }: ScaleState,
  usages: Usages | Error,
): MetricResult {
  try {
    if (usages instanceof Error) throw new Error(`unable to get metric ${metric.name}: ${usages.message}`);
    const goal = { resource: "", averageMilli: milliOf(target.averageValue) };
    const proposal = proposeReplicas(goal, current, pods, usages, tolerancesOf(hpa), nowMs);
    const averageValue = milliText(proposal.averageMilli);
    const status = { type: "Pods", pods: { metric, current: { averageValue } } };
    return { replicas: proposal.replicas, name: `pods metric ${metric.name}`, status };
  } catch (err) {
    return failed("Pods", "pods", messageOf(err));
  }
}

/** `usage`: the error that fetching it ended with, or thousandths. */
export function computeObjectMetric(
  hpa: HorizontalPodAutoscaler,
  { metric, target, describedObject }: NonNullable<MetricSpec["object"]>,
  state: ScaleState,
  usage: number | Error,
): MetricResult {
  const isAverage = target.type !== "Value" && target.averageValue !== undefined;
  try {
    if (usage instanceof Error) {
      // In the order in which upstream prints them.
      const where = `${describedObject.kind} on ${hpa.metadata.namespace} ${describedObject.name}`;
      throw new Error(`unable to get metric ${metric.name}: ${where}/${usage.message}`);
    }
    const { replicas, current } = reckon(target, isAverage, usage, state, tolerancesOf(hpa));
    const status: MetricStatus = { type: "Object", object: { describedObject, metric, current } };
    const name = isAverage ? externalTitle(metric) : `${describedObject.kind} metric ${metric.name}`;
    return { replicas, name, status };
  } catch (err) {
    const within = isAverage ? `failed to get ${metric.name} object metric: ` : "";
    return failed("Object", "object", messageOf(err), within);
  }
}

/** `usage`: the error that fetching it ended with, or thousandths. */
export function computeExternalMetric(
  hpa: HorizontalPodAutoscaler,
  { metric, target }: NonNullable<MetricSpec["external"]>,
  state: ScaleState,
  usage: number | Error,
): MetricResult {
  const isAverage = target.averageValue !== undefined;
  try {
    if (usage instanceof Error) {
      const which = `${hpa.metadata.namespace}/${metric.name}/${describeSelector(metric)}`;
      throw new Error(`unable to get external metric ${which}: ${usage.message}`);
    }
    const { replicas, current } = reckon(target, isAverage, usage, state, tolerancesOf(hpa));
    const status: MetricStatus = { type: "External", external: { metric, current } };
    return { replicas, name: externalTitle(metric), status };
  } catch (err) {
    const within = isAverage
      ? `failed to get ${metric.name} external metric: `
      : `failed to get external metric ${metric.name}: `;
    return failed("External", `${metric.name} external`, messageOf(err), within);
  }
}

/** Per pod that there is, or for all that are ready together. */
function reckon(
  target: MetricTarget,
  isAverage: boolean,
  usage: number,
  { current, observed, pods }: ScaleState,
  tolerances: Tolerances,
): Reckoned {
  if (isAverage) {
    const average = milliOf(target.averageValue);
    const isEnough = isWithin(tolerances, usage / (average * observed));
    const replicas = isEnough ? observed : bounded(usage / average);
    return { replicas, current: { averageValue: milliText(Math.ceil(usage / observed)) } };
  }
  const ratio = usage / milliOf(target.value);
  const value = { value: milliText(usage) };
  if (current === 0) return { replicas: bounded(ratio), current: value };
  if (isWithin(tolerances, ratio)) return { replicas: current, current: value };
  return { replicas: bounded(ratio * readyPods(pods)), current: value };
}

function readyPods(pods: readonly Pod[]): number {
  if (pods.length === 0)
    throw new Error(
      "unable to calculate ready pods: no pods returned by selector while calculating replica count",
    );
  return pods.filter(
    (pod) => pod.status?.phase === "Running" && podCondition(pod, "Ready")?.status === "True",
  ).length;
}

function bounded(replicas: number): number {
  return Math.min(Math.ceil(replicas), REPLICAS_MAX);
}

function milliOf(value: string | undefined): number {
  return quantityMilliValue(parseQuantity(value ?? "0"));
}

function milliText(milli: number): string {
  return formatQuantity(newMilliQuantity(Number.isFinite(milli) ? milli : 0));
}

function failed(type: string, about: string, error: string, within = ""): MetricResult {
  const context = `failed to get ${about} metric value: ${within}${error}`;
  return { reason: `FailedGet${type}Metric`, error, context };
}

function externalTitle(metric: MetricIdentifier): string {
  return `external metric ${metric.name}(${describeSelector(metric)})`;
}

/** In the words of the generated Go types, which upstream prints. */
function describeSelector({ selector }: MetricIdentifier): string {
  if (selector === undefined) return "nil";
  const labels = Object.entries(selector.matchLabels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const terms = (selector.matchExpressions ?? []).map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(" ")}],},`,
  );
  const pairs = labels.map(([key, value]) => `${key}: ${value},`).join("");
  return `&LabelSelector{MatchLabels:map[string]string{${pairs}},MatchExpressions:[]LabelSelectorRequirement{${terms.join("")}},}`;
}
