/** The text of GET /metrics/resource, made from the summary. Pure; names and types are upstream's. @module */
import { familyText, type MetricLabels } from "#component-base";
import type { StatsSummary, UsageStats } from "./stats-summary.ts";

const NANOSECONDS = 1e9;

/** `summary` is undefined when it could not be had; the scrape says so and shows nothing else. */
export function resourceMetricsText(summary: StatsSummary | undefined): string {
  const error = familyText(
    "resource_scrape_error",
    "gauge",
    "[STABLE] 1 if container metrics could not be had, 0 otherwise",
    [{ labels: {}, value: summary === undefined ? 1 : 0 }],
  );
  if (summary === undefined) return error;
  const { node, pods } = summary;
  const ofPods = pods.map((pod) => {
    const { name, namespace } = pod.podRef;
    return { labels: { pod: name, namespace }, stats: pod };
  });
  const ofContainers = pods.flatMap(({ podRef: { name: pod, namespace }, containers }) =>
    containers.map((stats) => ({ labels: { container: stats.name, pod, namespace }, stats })),
  );
  const started = ofContainers.map(({ labels, stats: { startTime } }) => ({
    labels,
    value: startTime === undefined ? undefined : Date.parse(startTime) / 1000,
  }));
  return [
    usage("container", "the container", ofContainers),
    familyText(
      "container_start_time_seconds",
      "gauge",
      "[STABLE] Start of the container in seconds since 1970",
      started,
    ),
    usage("node", "the node", [{ labels: {}, stats: node }]),
    usage("pod", "the pod", ofPods),
    error,
  ].join("");
}

function usage(
  prefix: string,
  what: string,
  list: readonly { readonly labels: MetricLabels; readonly stats: UsageStats }[],
): string {
  const cpu = list.map(({ labels, stats }) => ({
    labels,
    value: scaled(stats.cpu?.usageCoreNanoSeconds),
    time: stats.cpu?.time,
  }));
  const memory = list.map(({ labels, stats }) => ({
    labels,
    value: stats.memory?.workingSetBytes,
    time: stats.memory?.time,
  }));
  const swap = list.map(({ labels, stats }) => ({
    labels,
    value: stats.swap?.swapUsageBytes,
    time: stats.swap?.time,
  }));
  return [
    familyText(
      `${prefix}_cpu_usage_seconds_total`,
      "counter",
      `[STABLE] Cpu time of ${what} in core-seconds`,
      cpu,
    ),
    familyText(
      `${prefix}_memory_working_set_bytes`,
      "gauge",
      `[STABLE] Working set of ${what} in bytes`,
      memory,
    ),
    familyText(`${prefix}_swap_usage_bytes`, "gauge", `[ALPHA] Swap that ${what} uses in bytes`, swap),
  ].join("");
}

const scaled = (nanoseconds: number | undefined): number | undefined =>
  nanoseconds === undefined ? undefined : nanoseconds / NANOSECONDS;
