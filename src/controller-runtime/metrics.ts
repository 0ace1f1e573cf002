/** What controllers report, with controller-runtime's names. @module */

export const CONTROLLER_METRICS = {
  reconcileTotal: "controller_runtime_reconcile_total",
  reconcileErrors: "controller_runtime_reconcile_errors_total",
  terminalReconcileErrors: "controller_runtime_terminal_reconcile_errors_total",
  reconcileTime: "controller_runtime_reconcile_time_seconds",
  maxConcurrentReconciles: "controller_runtime_max_concurrent_reconciles",
  activeWorkers: "controller_runtime_active_workers",
} as const;
