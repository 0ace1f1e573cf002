import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeResourceMetrics } from "./decode.ts";

const NOW = 50_000;
const TEXT = `# HELP container_cpu_usage_seconds_total Cpu time
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="web",pod="a",namespace="x"} 1.5 40000
container_cpu_usage_seconds_total{container="side\\"car",namespace="x",pod="a"} 2e-3 41000
container_cpu_usage_seconds_total{container="half",pod="b",namespace="x"} 1 40000
container_memory_working_set_bytes{container="web",pod="a",namespace="x"} 1024 40000
container_memory_working_set_bytes{container="side\\"car",pod="a",namespace="x"} 2048
container_start_time_seconds{container="web",pod="a",namespace="x"} 30.25
container_swap_usage_bytes{container="web",pod="a",namespace="x"} 7
node_cpu_usage_seconds_total 100
node_memory_working_set_bytes 4096
pod_cpu_usage_seconds_total{pod="a",namespace="x"} 3
resource_scrape_error 0
garbage {{{
`;

test("decodeResourceMetrics reads node and containers, with their times or else the time of the scrape", () => {
  const { node, pods } = decodeResourceMetrics(TEXT, NOW);
  assert.deepEqual(node, { atMs: NOW, cpuSeconds: 100, memoryBytes: 4096 });
  assert.deepEqual(
    [...pods.get("x/a")!],
    [
      ["web", { atMs: 40_000, cpuSeconds: 1.5, memoryBytes: 1024, startedAtMs: 30_250 }],
      ['side"car', { atMs: 41_000, cpuSeconds: 0.002, memoryBytes: 2048 }],
    ],
  );
});

test("decodeResourceMetrics leaves out a pod of which a container was measured by half", () => {
  assert.deepEqual([...decodeResourceMetrics(TEXT, NOW).pods.keys()], ["x/a"]);
});

test("decodeResourceMetrics finds nothing in what is no exposition", () => {
  const { node, pods } = decodeResourceMetrics("<html>\nnode_cpu_usage_seconds_total nan\n", NOW);
  assert.equal(node, undefined);
  assert.equal(pods.size, 0);
});
