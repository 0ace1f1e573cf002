/** What the controller manager shows besides what every component has: controller-runtime's names. @module */
import { counter, DEFAULT_BUCKETS, gauge, histogram, prefixed, type MetricDefinition } from "#component-base";

const LABEL = "controller";

export const controllerMetrics: readonly MetricDefinition[] = prefixed("controller_runtime", [
  counter("reconcile_total", "Reconciliations by controller and result", LABEL, "result"),
  counter("reconcile_errors_total", "Reconciliations that failed", LABEL),
  counter("terminal_reconcile_errors_total", "Reconciliations that are not tried again", LABEL),
  histogram("reconcile_time_seconds", DEFAULT_BUCKETS, "Duration of reconciliations", LABEL),
  gauge("max_concurrent_reconciles", "Workers of the controller", LABEL),
  gauge("active_workers", "Workers that are busy", LABEL),
]);
