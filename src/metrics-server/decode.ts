/** A kubelet's `/metrics/resource` as measurements. Pure. @module */
import type { MetricsPoint } from "./metrics-point.ts";

/** What one node measured at one time. */
export interface NodeSample {
  readonly node: MetricsPoint | undefined;
  /** `namespace/name` -> container -> point. A pod of which one container was not measured whole is absent. */
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, MetricsPoint>>;
}

/** Pods that are read of one node; far beyond what a node runs. */
const PODS_MAX = 10_000;
const LINE = /^([a-z_]+)(?:\{([^\n]*)\})? (\S+)(?: (\d+))?$/;
const LABEL = /([A-Za-z_]+)="((?:[^"\\]|\\.)*)"/g;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n" };
const MILLISECONDS = 1000;

interface Partial {
  atMs?: number;
  startedAtMs?: number;
  cpuSeconds?: number;
  memoryBytes?: number;
}

/** `nowMs` is the time of samples that do not tell theirs. Lines that mean nothing here are passed over. */
export function decodeResourceMetrics(text: string, nowMs: number): NodeSample {
  const node: Partial = {};
  const pods = new Map<string, Map<string, Partial>>();
  const containerOf = (labels: ReadonlyMap<string, string>): Partial | undefined => {
    const key = `${labels.get("namespace") ?? ""}/${labels.get("pod") ?? ""}`;
    const pod = pods.get(key) ?? new Map<string, Partial>();
    if (pod.size === 0 && pods.size >= PODS_MAX) return undefined;
    pods.set(key, pod);
    const name = labels.get("container") ?? "";
    const container = pod.get(name) ?? {};
    pod.set(name, container);
    return container;
  };
  for (const line of text.split("\n")) {
    if (!line.startsWith("node_") && !line.startsWith("container_")) continue;
    const [, name = "", labels = "", value = "", time] = LINE.exec(line) ?? [];
    const number = Number(value);
    if (!Number.isFinite(number) || value === "") continue;
    const target = name.startsWith("node_")
      ? node
      : isWanted(name)
        ? containerOf(labelsOf(labels))
        : undefined;
    if (target !== undefined) take(target, name, number, time === undefined ? nowMs : Number(time));
  }
  return { node: whole(node), pods: wholePods(pods) };
}

function take(target: Partial, name: string, value: number, atMs: number): void {
  if (name.endsWith("_cpu_usage_seconds_total")) {
    target.cpuSeconds = value;
    target.atMs = atMs;
  } else if (name.endsWith("_memory_working_set_bytes")) {
    target.memoryBytes = value;
  } else if (name === "container_start_time_seconds") {
    target.startedAtMs = Math.round(value * MILLISECONDS);
  }
}

function isWanted(name: string): boolean {
  return (
    name === "container_cpu_usage_seconds_total" ||
    name === "container_memory_working_set_bytes" ||
    name === "container_start_time_seconds"
  );
}

function labelsOf(text: string): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  for (const [, name = "", value = ""] of text.matchAll(LABEL)) {
    labels.set(
      name,
      value.replaceAll(/\\(.)/g, (_, character: string) => ESCAPES[character] ?? character),
    );
  }
  return labels;
}

function whole({ atMs, startedAtMs, cpuSeconds, memoryBytes }: Partial): MetricsPoint | undefined {
  if (atMs === undefined || cpuSeconds === undefined || memoryBytes === undefined) return undefined;
  return { atMs, cpuSeconds, memoryBytes, ...(startedAtMs !== undefined && { startedAtMs }) };
}

function wholePods(
  pods: ReadonlyMap<string, ReadonlyMap<string, Partial>>,
): ReadonlyMap<string, ReadonlyMap<string, MetricsPoint>> {
  const complete = new Map<string, ReadonlyMap<string, MetricsPoint>>();
  for (const [key, containers] of pods) {
    const points = new Map<string, MetricsPoint>();
    for (const [name, container] of containers) {
      const point = whole(container);
      if (point !== undefined) points.set(name, point);
    }
    if (points.size === containers.size) complete.set(key, points);
  }
  return complete;
}
