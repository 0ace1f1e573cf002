/** What one metric of an autoscaler asks for, and how its status says it. Pure. @module */
import {
  formatQuantity,
  messageOf,
  newMilliQuantity,
  newQuantity,
  parseQuantity,
  quantityMilliValue,
} from "#apimachinery";
import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
} from "#api/autoscaling/v2/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import type { Usages } from "./metrics.ts";
import type { MetricResult } from "./plan.ts";
import type { Proposal, Tolerances } from "./replica-calculator.ts";
import { proposeReplicas } from "./replica-calculator.ts";

const TOLERANCE = 0.1;

export interface ResourceSource {
  readonly name: string;
  readonly container?: string;
  readonly target: MetricTarget;
}

/** Undefined for metrics that come from elsewhere than the resource metrics API. */
export function resourceSourceOf({
  type,
  resource,
  containerResource,
}: MetricSpec): ResourceSource | undefined {
  if (type === "Resource") return resource;
  return type === "ContainerResource" ? containerResource : undefined;
}

/** `usages`: the error that fetching them ended with, or what it gave. */
export function computeMetric(
  hpa: HorizontalPodAutoscaler,
  spec: MetricSpec,
  current: number,
  pods: readonly Pod[],
  usages: Usages | Error,
  nowMs: number,
): MetricResult {
  const source = resourceSourceOf(spec);
  if (source === undefined) return unknown(spec);
  const { name, container, target } = source;
  const isShare = target.averageUtilization !== undefined && target.averageValue === undefined;
  try {
    if (usages instanceof Error)
      throw new Error(`unable to get metrics for resource ${name}: ${usages.message}`);
    const goal = {
      resource: name,
      ...(container !== undefined && { container }),
      ...(isShare
        ? { utilization: target.averageUtilization }
        : { averageMilli: quantityMilliValue(parseQuantity(target.averageValue ?? "0")) }),
    };
    const proposal = proposeReplicas(goal, current, pods, usages, tolerancesOf(hpa), nowMs);
    return {
      replicas: proposal.replicas,
      name: titleOf(source, isShare),
      status: statusOf(source, proposal),
    };
  } catch (err) {
    const error = `failed to get ${name} ${isShare ? "utilization" : "usage"}: ${messageOf(err)}`;
    return container === undefined
      ? {
          reason: "FailedGetResourceMetric",
          error,
          context: `failed to get ${name} resource metric value: ${error}`,
        }
      : {
          reason: "FailedGetContainerResourceMetric",
          error,
          context: `failed to get ${container} container metric value: ${error}`,
        };
  }
}

function titleOf({ name, container }: ResourceSource, isShare: boolean): string {
  if (!isShare) return `${name} resource`;
  return `${name} ${container === undefined ? "" : "container "}resource utilization (percentage of request)`;
}

function statusOf(
  { name, container }: ResourceSource,
  { utilization, averageMilli }: Proposal,
): MetricStatus {
  const whole = newQuantity(Math.ceil(averageMilli / 1000), "BinarySI");
  const averageValue = formatQuantity(name === "memory" ? whole : newMilliQuantity(averageMilli));
  const current = { averageValue, ...(utilization !== undefined && { averageUtilization: utilization }) };
  if (container === undefined) return { type: "Resource", resource: { name, current } };
  return { type: "ContainerResource", containerResource: { name, container, current } };
}

function unknown({ type }: MetricSpec): MetricResult {
  const error = `unknown metric source type ${JSON.stringify(type)}`;
  return { reason: "InvalidMetricSourceType", error, context: error };
}

export function tolerancesOf({ spec }: HorizontalPodAutoscaler): Tolerances {
  const { scaleUp, scaleDown } = spec.behavior ?? {};
  return { up: toleranceOf(scaleUp?.tolerance), down: toleranceOf(scaleDown?.tolerance) };
}

function toleranceOf(text: string | undefined): number {
  return text === undefined ? TOLERANCE : quantityMilliValue(parseQuantity(text)) / 1000;
}
