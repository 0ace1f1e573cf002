/** What each health check said, as metrics: `/metrics/slis`. @module */
import type { HealthCheck } from "#component-base";
import { Family } from "./metric-family.ts";

export class HealthSlis {
  readonly #last = new Family(
    "gauge",
    "kubernetes_healthcheck",
    "[STABLE] This metric records the result of a single healthcheck.",
    ["name", "type"],
  );
  readonly #total = new Family(
    "counter",
    "kubernetes_healthchecks_total",
    "[STABLE] This metric records the results of all healthcheck.",
    ["name", "status", "type"],
  );

  /** `endpoint`: "livez". */
  observed(checks: readonly HealthCheck[], endpoint: string): readonly HealthCheck[] {
    return checks.map((check) => ({
      name: check.name,
      check: async (signal) => {
        try {
          await check.check(signal);
        } catch (err) {
          this.#count(check.name, endpoint, false);
          throw err;
        }
        this.#count(check.name, endpoint, true);
      },
    }));
  }

  render(): string {
    return this.#last.render() + this.#total.render();
  }

  #count(name: string, endpoint: string, isHealthy: boolean): void {
    this.#last.series(name, endpoint).set(isHealthy ? 1 : 0);
    this.#total.series(name, isHealthy ? "success" : "error", endpoint).inc();
  }
}
