/** A component's metrics: declared as data, reported by name, shown in Prometheus' text format. @module */
import { DEFAULT_BUCKETS } from "./buckets.ts";
import { commonMetrics } from "./common-metrics.ts";
import { componentText } from "./component-text.ts";
import { Counter, Gauge, Histogram, Registry } from "./prom-client.ts";

export type MetricStability = "ALPHA" | "BETA" | "STABLE";

export interface MetricDefinition {
  readonly type: "counter" | "gauge" | "histogram";
  readonly name: string;
  readonly help: string;
  /** Shown before the help, where Kubernetes has promised so much for the metric's name and labels. */
  readonly stability?: MetricStability;
  readonly labels: readonly string[];
  /** Of histograms; ascending. */
  readonly buckets?: readonly number[];
}

export type MetricLabels = Readonly<Record<string, string>>;

/**
 * Reporting never throws for values, only for names and labels that were not declared, which is a mistake of the
 * program. It is also the `MetricsSink` of the client.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();

  /** Declares the component's own metrics besides the common ones. */
  constructor(definitions: readonly MetricDefinition[] = []) {
    this.declare(commonMetrics);
    this.declare(definitions);
  }

  /** More of them, for parts of the component that are loaded later; of one name the first declaration counts. */
  declare(definitions: readonly MetricDefinition[]): void {
    for (const definition of definitions)
      if (this.#registry.getSingleMetric(definition.name) === undefined) this.#declare(definition);
  }

  /** The content type of `expose`. */
  readonly contentType: string = "text/plain; version=0.0.4; charset=utf-8";

  /** Adds `by` to a counter or gauge. */
  inc(name: string, labels: MetricLabels = {}, by = 1): void {
    (this.#counters.get(name) ?? this.#gauge(name)).inc({ ...labels }, by);
  }

  set(name: string, labels: MetricLabels, value: number): void {
    this.#gauge(name).set({ ...labels }, value);
  }

  /** One observation of a histogram; durations in seconds. */
  observe(name: string, labels: MetricLabels, value: number): void {
    const histogram = this.#histograms.get(name);
    if (histogram === undefined) throw new Error(`no histogram ${name} was declared`);
    histogram.observe({ ...labels }, value);
  }

  /** Forgets the series of these labels, so that what is gone is no longer shown. */
  remove(name: string, labels: MetricLabels): void {
    const metric = this.#counters.get(name) ?? this.#gauges.get(name) ?? this.#histograms.get(name);
    if (metric === undefined) throw new Error(`no metric ${name} was declared`);
    metric.remove({ ...labels });
  }

  /** Calls `collect` before every `expose`, to set gauges that are cheaper to read than to keep. */
  onExpose(collect: () => void): void {
    this.#collectors.push(collect);
  }

  /** Shows the process and which Kubernetes it is, too. `nowMs` is the time of the call. */
  describeComponent(nowMs: number): void {
    this.#text = componentText(nowMs);
  }

  /** The body of `/metrics`. */
  async expose(): Promise<string> {
    for (const collect of this.#collectors) collect();
    return (await this.#registry.metrics()) + this.#text();
  }

  readonly #collectors: (() => void)[] = [];
  #text: () => string = () => "";

  #gauge(name: string): Gauge {
    const gauge = this.#gauges.get(name);
    if (gauge === undefined) throw new Error(`no gauge or counter ${name} was declared`);
    return gauge;
  }

  #declare({ type, name, help: text, stability, labels, buckets }: MetricDefinition): void {
    const help = stability === undefined ? text : `[${stability}] ${text}`;
    const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
    if (type === "counter") this.#counters.set(name, new Counter(options));
    else if (type === "gauge") this.#gauges.set(name, new Gauge(options));
    else
      this.#histograms.set(name, new Histogram({ ...options, buckets: [...(buckets ?? DEFAULT_BUCKETS)] }));
  }
}
