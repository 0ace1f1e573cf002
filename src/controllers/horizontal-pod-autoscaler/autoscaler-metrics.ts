/** What the autoscaler reports of its own work, under upstream's names. @module */
import type { ObjectKey } from "#apimachinery";
import type { MetricsSink } from "#client";

const PREFIX = "horizontal_pod_autoscaler_controller";

export type ErrorLabel = "none" | "spec" | "internal";

export class AutoscalerMetrics {
  readonly #metrics: MetricsSink | undefined;
  /** Bounded by the autoscalers. */
  readonly #known = new Set<ObjectKey>();

  constructor(metrics: MetricsSink | undefined) {
    this.#metrics = metrics;
  }

  exists(key: ObjectKey): void {
    this.#known.add(key);
    this.#metrics?.set(`${PREFIX}_num_horizontal_pod_autoscalers`, {}, this.#known.size);
  }

  gone(key: ObjectKey): void {
    this.#known.delete(key);
    this.#metrics?.set(`${PREFIX}_num_horizontal_pod_autoscalers`, {}, this.#known.size);
  }

  desires(key: ObjectKey, replicas: number): void {
    const [namespace = "", name = ""] = key.split("/");
    this.#metrics?.set(`${PREFIX}_desired_replicas`, { namespace, hpa_name: name }, replicas);
  }

  reconciled(action: string, error: ErrorLabel, durationMs: number): void {
    const about = { action, error };
    this.#metrics?.inc(`${PREFIX}_reconciliations_total`, about);
    this.#metrics?.observe(`${PREFIX}_reconciliation_duration_seconds`, about, durationMs / 1_000);
  }

  computed(metricType: string, action: string, error: ErrorLabel, durationMs: number): void {
    const about = { action, error, metric_type: metricType };
    this.#metrics?.inc(`${PREFIX}_metric_computation_total`, about);
    this.#metrics?.observe(`${PREFIX}_metric_computation_duration_seconds`, about, durationMs / 1_000);
  }
}

/** What a number of replicas means beside another. */
export function actionOf(proposed: number | undefined, current: number): string {
  if (proposed === undefined || proposed === current) return "none";
  return proposed > current ? "scale_up" : "scale_down";
}
