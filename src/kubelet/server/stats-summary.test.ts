import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerStats, PodSandboxStats } from "#cri";
import { NODE_START_MS, testRuntimePod } from "../container/testing.ts";
import { simulatedPlatform } from "../platform/simulated.ts";
import { resourceMetricsText } from "./resource-metrics.ts";
import { type StatsSummary, summarize } from "./stats-summary.ts";

const labels = {
  "io.kubernetes.pod.uid": "u1",
  "io.kubernetes.pod.name": "web",
  "io.kubernetes.pod.namespace": "default",
};
const timestamp = BigInt(NODE_START_MS - 500) * 1_000_000n;

function container(name: string, seconds: number, megabytes: number): ContainerStats {
  const metadata = { name, attempt: 0 };
  const attributes = {
    id: `${name}0`,
    metadata,
    labels: { ...labels, "io.kubernetes.container.name": name },
    annotations: {},
  };
  return {
    attributes,
    cpu: { timestamp, usageCoreNanoSeconds: seconds * 1e9 },
    memory: { timestamp, workingSetBytes: megabytes * 1e6 },
  };
}

async function summary(sandboxes: readonly PodSandboxStats[]): Promise<StatsSummary> {
  const runtimePod = testRuntimePod(["c=running", "d=running"]);
  return summarize({
    nodeName: "n1",
    nowMs: NODE_START_MS,
    usage: { ...(await simulatedPlatform().usage()), cpuNanoSeconds: 5e9, memoryWorkingSetBytes: 100 },
    containers: [container("c", 1, 10), container("d", 2, 20)],
    sandboxes,
    runtimePod: () => runtimePod,
  });
}

const sandbox: PodSandboxStats = {
  attributes: {
    id: "s",
    metadata: { name: "web", namespace: "default", uid: "u1", attempt: 0 },
    labels,
    annotations: {},
  },
  linux: {
    cpu: { timestamp, usageCoreNanoSeconds: 4e9, usageNanoCores: 7 },
    network: { timestamp, defaultInterface: { name: "eth0", rxBytes: 1, txBytes: 2 }, interfaces: [] },
    process: { timestamp, processCount: 3 },
    containers: [],
  },
};

test("summarize() takes a pod's use from its sandbox, and sums what the sandbox does not know", async () => {
  const { pods } = await summary([sandbox]);
  const startTime = "2026-01-01T00:00:00Z";
  const time = "2025-12-31T23:59:59.500Z";
  const now = "2026-01-01T00:00:00.000Z";
  assert.equal(pods.length, 1);
  const { containers, ...pod } = pods[0]!;
  assert.deepEqual(pod, {
    podRef: { name: "web", namespace: "default", uid: "u1" },
    startTime,
    cpu: { time, usageNanoCores: 7, usageCoreNanoSeconds: 4e9 },
    memory: { time, workingSetBytes: 30e6 },
    network: {
      time: now,
      name: "eth0",
      rxBytes: 1,
      txBytes: 2,
      interfaces: [{ name: "eth0", rxBytes: 1, txBytes: 2 }],
    },
    process_stats: { process_count: 3 },
  });
  assert.deepEqual(containers[0], {
    name: "c",
    startTime,
    cpu: { time, usageCoreNanoSeconds: 1e9 },
    memory: { time, workingSetBytes: 10e6 },
  });
});

test("resourceMetricsText() shows nodes, pods and containers under upstream's names, with their time", async () => {
  const lines = resourceMetricsText(await summary([]))
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("# HELP"));
  const where = 'pod="web",namespace="default"';
  assert.deepEqual(lines, [
    "# TYPE container_cpu_usage_seconds_total counter",
    `container_cpu_usage_seconds_total{container="c",${where}} 1 ${NODE_START_MS - 500}`,
    `container_cpu_usage_seconds_total{container="d",${where}} 2 ${NODE_START_MS - 500}`,
    "# TYPE container_memory_working_set_bytes gauge",
    `container_memory_working_set_bytes{container="c",${where}} 10000000 ${NODE_START_MS - 500}`,
    `container_memory_working_set_bytes{container="d",${where}} 20000000 ${NODE_START_MS - 500}`,
    "# TYPE container_start_time_seconds gauge",
    `container_start_time_seconds{container="c",${where}} ${NODE_START_MS / 1000}`,
    `container_start_time_seconds{container="d",${where}} ${NODE_START_MS / 1000}`,
    "# TYPE node_cpu_usage_seconds_total counter",
    `node_cpu_usage_seconds_total 5 ${NODE_START_MS}`,
    "# TYPE node_memory_working_set_bytes gauge",
    `node_memory_working_set_bytes 100 ${NODE_START_MS}`,
    "# TYPE pod_cpu_usage_seconds_total counter",
    `pod_cpu_usage_seconds_total{${where}} 3 ${NODE_START_MS - 500}`,
    "# TYPE pod_memory_working_set_bytes gauge",
    `pod_memory_working_set_bytes{${where}} 30000000 ${NODE_START_MS - 500}`,
    "# TYPE resource_scrape_error gauge",
    "resource_scrape_error 0",
  ]);
});

test("resourceMetricsText() says when nothing could be measured", () => {
  const text = resourceMetricsText(undefined);
  assert.match(
    text,
    /^# HELP resource_scrape_error .*\n# TYPE resource_scrape_error gauge\nresource_scrape_error 1\n$/u,
  );
});
