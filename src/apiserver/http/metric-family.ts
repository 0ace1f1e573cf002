/**
 * Metrics for the path of every request: a series is found once and kept, its labels are words already, and counting is
 * an addition. Shown in Prometheus' text format.
 * @module
 */

/** Distinct label sets of one metric; only an attacker's paths could reach this. */
const SERIES_MAX = 10_000;

export class Series {
  readonly labels: string;
  readonly #bounds: readonly number[];
  readonly #buckets: number[];
  #sum = 0;
  #count = 0;

  constructor(labels: string, bounds: readonly number[]) {
    this.labels = labels;
    this.#bounds = bounds;
    this.#buckets = bounds.map(() => 0);
  }

  /** Of counters and gauges. */
  get value(): number {
    return this.#sum;
  }

  inc(by = 1): void {
    this.#sum += by;
  }

  set(value: number): void {
    this.#sum = value;
  }

  /** Of histograms. */
  observe(value: number): void {
    this.#sum += value;
    this.#count++;
    const bounds = this.#bounds;
    for (let i = 0; i < bounds.length; i++) {
      if (value > bounds[i]!) continue;
      this.#buckets[i]!++;
      return;
    }
  }

  lines(name: string, isHistogram: boolean): string {
    const { labels } = this;
    const own = labels === "" ? "" : `{${labels}}`;
    if (!isHistogram) return `${name}${own} ${this.#sum}\n`;
    const before = labels === "" ? "" : `${labels},`;
    let below = 0;
    let text = "";
    for (const [i, bound] of this.#bounds.entries()) {
      below += this.#buckets[i]!;
      text += `${name}_bucket{${before}le="${bound}"} ${below}\n`;
    }
    text += `${name}_bucket{${before}le="+Inf"} ${this.#count}\n`;
    return `${text}${name}_sum${own} ${this.#sum}\n${name}_count${own} ${this.#count}\n`;
  }
}

export type FamilyType = "counter" | "gauge" | "histogram";

export class Family {
  readonly name: string;
  readonly #type: FamilyType;
  readonly #help: string;
  readonly #labels: readonly string[];
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Series>();
  /** What is beyond the bound is counted here, and not shown. */
  readonly #overflow: Series;

  constructor(
    type: FamilyType,
    name: string,
    help: string,
    labels: readonly string[],
    bounds: readonly number[] = [],
  ) {
    this.name = name;
    this.#type = type;
    this.#help = help;
    this.#labels = labels;
    this.#bounds = bounds;
    this.#overflow = new Series("", bounds);
  }

  /** The series of these values, in the order of the labels; the same one each time. */
  series(...values: readonly string[]): Series {
    const key = values.length === 1 ? values[0]! : values.join("\0");
    let series = this.#series.get(key);
    if (series !== undefined) return series;
    if (this.#series.size >= SERIES_MAX) return this.#overflow;
    const words = this.#labels.map((label, i) => `${label}="${escaped(values[i] ?? "")}"`);
    // shown in alphabetical order, as upstream's client does
    this.#series.set(key, (series = new Series(words.toSorted().join(","), this.#bounds)));
    return series;
  }

  /** Forgets all series: of gauges that are set anew each time they are shown. */
  clear(): void {
    this.#series.clear();
  }

  render(): string {
    if (this.#series.size === 0) return "";
    let text = `# HELP ${this.name} ${this.#help}\n# TYPE ${this.name} ${this.#type}\n`;
    for (const series of this.#series.values()) text += series.lines(this.name, this.#type === "histogram");
    return text;
  }
}

function escaped(value: string): string {
  return /["\\\n]/.test(value)
    ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
    : value;
}
