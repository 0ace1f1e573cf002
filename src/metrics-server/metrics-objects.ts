/** Usage as NodeMetrics and PodMetrics, in metrics-server's notation. Pure. @module */
import { formatDuration, formatQuantity, formatTime, newQuantity, type ObjectMeta } from "#apimachinery";
import type { ContainerUsage } from "./metrics-storage.ts";
import type { ResourceUsage } from "./metrics-point.ts";
import { API_VERSION, type NodeMetrics, type PodMetrics, type Usage } from "./types.ts";

const NANO_SCALE = 9;
const NANOS_PER_CORE = 1e9;

/** Of the object that was measured. */
export interface Measured {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export function nodeMetrics(node: Measured, usage: ResourceUsage, nowMs: number): NodeMetrics {
  return {
    kind: "NodeMetrics",
    apiVersion: API_VERSION,
    metadata: metadataOf(node, nowMs),
    timestamp: formatTime(usage.atMs),
    window: formatDuration(usage.windowMs),
    usage: usageOf(usage),
  };
}

/** `usages` has one at least; the time is that of the oldest measurement. */
export function podMetrics(pod: Measured, usages: readonly ContainerUsage[], nowMs: number): PodMetrics {
  const oldest = usages.reduce((a, b) => (b.atMs < a.atMs ? b : a));
  return {
    kind: "PodMetrics",
    apiVersion: API_VERSION,
    metadata: metadataOf(pod, nowMs),
    timestamp: formatTime(oldest.atMs),
    window: formatDuration(oldest.windowMs),
    containers: usages.map((usage) => ({ name: usage.name, usage: usageOf(usage) })),
  };
}

function metadataOf({ name, namespace = "", labels }: Measured, nowMs: number): ObjectMeta {
  return {
    name,
    ...(namespace !== "" && { namespace }),
    creationTimestamp: formatTime(nowMs),
    ...(labels !== undefined && { labels }),
  };
}

function usageOf({ cpuCores, memoryBytes }: ResourceUsage): Usage {
  const unscaled = BigInt(Math.ceil(cpuCores * NANOS_PER_CORE));
  return {
    cpu: formatQuantity({ unscaled, scale: -NANO_SCALE, format: "DecimalSI" }),
    memory: formatQuantity(newQuantity(Math.round(memoryBytes), "BinarySI")),
  };
}
