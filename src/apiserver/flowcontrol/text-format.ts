/** Prometheus' text format of what is kept as plain numbers. @module */
import type { Histogram } from "./histogram.ts";

export type Labels = Readonly<Record<string, string>>;

/** `lines` are labels and value, or begin with the suffix of the name. Without lines there is nothing to tell. */
export function family(
  name: string,
  type: "counter" | "gauge" | "histogram",
  help: string,
  lines: readonly string[],
): string {
  if (lines.length === 0) return "";
  const head = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  return head + lines.map((line) => `${name}${line}\n`).join("");
}

export function histogramLines({ bounds, counts, sum }: Histogram, labels: Labels): readonly string[] {
  const names = Object.keys(labels).toSorted();
  const text = names.map((name) => `${name}="${escapeLabel(labels[name]!)}"`).join(",");
  let below = 0;
  const buckets = bounds.map((bound, i) => `_bucket{${text},le="${bound}"} ${(below += counts[i]!)}`);
  const all = below + counts[bounds.length]!;
  return [...buckets, `_bucket{${text},le="+Inf"} ${all}`, `_sum{${text}} ${sum}`, `_count{${text}} ${all}`];
}

export function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
