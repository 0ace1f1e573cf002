/** What the controller manager shows besides what every component has: controller-runtime's names. @module */
import type { MetricDefinition } from "#component-base";
import { DEFAULT_BUCKETS } from "#component-base";

const LABELS = ["controller"];

export const controllerMetrics: readonly MetricDefinition[] = [
  {
    type: "counter",
    name: "controller_runtime_reconcile_total",
    help: "Reconciliations by controller and result",
    labels: [...LABELS, "result"],
  },
  counter("controller_runtime_reconcile_errors_total", "Reconciliations that failed"),
  counter("controller_runtime_terminal_reconcile_errors_total", "Reconciliations that are not tried again"),
  {
    type: "histogram",
    name: "controller_runtime_reconcile_time_seconds",
    help: "Duration of reconciliations",
    labels: LABELS,
    buckets: DEFAULT_BUCKETS,
  },
  gauge("controller_runtime_max_concurrent_reconciles", "Workers of the controller"),
  gauge("controller_runtime_active_workers", "Workers that are busy"),
];

function counter(name: string, help: string): MetricDefinition {
  return { type: "counter", name, help, labels: LABELS };
}

function gauge(name: string, help: string): MetricDefinition {
  return { type: "gauge", name, help, labels: LABELS };
}
