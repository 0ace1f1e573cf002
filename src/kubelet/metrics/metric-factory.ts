/** Makes metrics of one registry, with their stability before the help, as Kubernetes shows it. @module */
import { Counter, Gauge, Histogram, Registry } from "#component-base";

/** Of a help that names no stability itself. */
const DEFAULT_STABILITY = "[ALPHA]";
/** Prometheus' own. */
export const DEFAULT_BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class MetricFactory {
  readonly registry: Registry = new Registry();

  counter(name: string, help: string, ...labelNames: readonly string[]): Counter {
    return new Counter(this.#options(name, help, labelNames));
  }

  gauge(name: string, help: string, ...labelNames: readonly string[]): Gauge {
    return new Gauge(this.#options(name, help, labelNames));
  }

  histogram(
    name: string,
    buckets: readonly number[],
    help: string,
    ...labelNames: readonly string[]
  ): Histogram {
    return new Histogram({ ...this.#options(name, help, labelNames), buckets: [...buckets] });
  }

  #options(
    name: string,
    help: string,
    labelNames: readonly string[],
  ): { readonly name: string; readonly help: string; labelNames: string[]; registers: Registry[] } {
    const told = help.startsWith("[") ? help : `${DEFAULT_STABILITY} ${help}`;
    return { name, help: told, labelNames: [...labelNames], registers: [this.registry] };
  }
}
