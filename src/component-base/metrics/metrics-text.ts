/** Metrics in Prometheus' text format. Pure. @module */
import type { MetricLabels } from "./metrics.ts";

export interface MetricSample {
  readonly labels: MetricLabels;
  readonly value: number | undefined;
  readonly time?: string | undefined;
}

/** "" without a sample: what was not measured is not shown as 0. */
export function familyText(
  name: string,
  type: "counter" | "gauge",
  help: string,
  samples: readonly MetricSample[],
): string {
  const lines = samples.flatMap(({ labels, value, time }) => {
    if (value === undefined) return [];
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    const where = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
    return [`${name}${where} ${value}${time === undefined ? "" : ` ${Date.parse(time)}`}\n`];
  });
  return lines.length === 0 ? "" : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
