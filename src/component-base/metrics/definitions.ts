/** Metric definitions in one line each. @module */
import type { MetricDefinition } from "./metrics.ts";

export function counter(name: string, help: string, ...labels: readonly string[]): MetricDefinition {
  return { type: "counter", name, help, labels };
}

export function gauge(name: string, help: string, ...labels: readonly string[]): MetricDefinition {
  return { type: "gauge", name, help, labels };
}

export function histogram(
  name: string,
  buckets: readonly number[],
  help: string,
  ...labels: readonly string[]
): MetricDefinition {
  return { type: "histogram", name, help, labels, buckets };
}

/** Those of one subsystem: `scheduler` makes `scheduler_pending_pods` of `pending_pods`. */
export function prefixed(
  subsystem: string,
  definitions: readonly MetricDefinition[],
): readonly MetricDefinition[] {
  return definitions.map((one) => ({ ...one, name: `${subsystem}_${one.name}` }));
}
