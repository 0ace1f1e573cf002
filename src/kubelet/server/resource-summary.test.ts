import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import { createSimulatedRuntime, type ContainerStats, type Runtime } from "#cri";
import { noCgroups } from "../cgroups/no-cgroups.ts";
import { NODE_START_MS, testPod, testRuntimePod } from "../container/testing.ts";
import type { PodCgroups } from "../platform/platform.ts";
import { simulatedPlatform } from "../platform/simulated.ts";
import { resourceSummary } from "./resource-summary.ts";

const signal = new AbortController().signal;
const usage = (seconds: number): { readonly cpuNanoSeconds: number; readonly workingSetBytes: number } => ({
  cpuNanoSeconds: seconds * 1e9,
  workingSetBytes: seconds * 1000,
});
const ofRuntime: ContainerStats = {
  attributes: {
    id: "c0",
    metadata: { name: "c", attempt: 0 },
    labels: { "io.kubernetes.pod.uid": "u1", "io.kubernetes.container.name": "c" },
    annotations: {},
  },
  cpu: { timestamp: 0n, usageCoreNanoSeconds: 9e9 },
};

interface Asked {
  readonly cpu: readonly (number | undefined)[];
  /** Sandboxes that the runtime was asked about; "" is all. */
  readonly runtime: readonly string[];
}

async function summarized(found: Partial<PodCgroups>): Promise<Asked> {
  const clock = new FakeClock();
  const asked: string[] = [];
  const runtime: Runtime = {
    ...createSimulatedRuntime({ clock }),
    listContainerStats: async ({ podSandboxId = "" }) => {
      asked.push(podSandboxId);
      return [ofRuntime];
    },
    listPodSandboxStats: async () => [],
  };
  const runtimePod = testRuntimePod(["c=running", "d=exited:0"]);
  const platform = { ...simulatedPlatform(), cgroups: { ...noCgroups, ...found } };
  const { pods } = await resourceSummary(
    {
      nodeName: "n1",
      clock,
      runtime,
      platform,
      runtimePods: () => [runtimePod],
      runtimePod: () => runtimePod,
      activePods: () => [testPod()],
    },
    signal,
  );
  const cpu = pods.flatMap((pod) => [pod, ...pod.containers].map((stats) => stats.cpu?.usageCoreNanoSeconds));
  return { cpu, runtime: asked };
}

const CASES: readonly [what: string, found: Partial<PodCgroups>, want: Asked][] = [
  [
    "reads the pod's cgroup and asks the runtime nothing",
    {
      usage: async (_uid, _qos, ids) => ({
        time: NODE_START_MS,
        pod: usage(3),
        containers: new Map(ids.map((id) => [id, usage(2)])),
      }),
    },
    { cpu: [3e9, 2e9], runtime: [] },
  ],
  ["asks the runtime about a pod without a cgroup", {}, { cpu: [9e9, 9e9], runtime: ["s"] }],
  [
    "asks the runtime when a container has no cgroup below the pod's",
    { usage: async () => ({ time: NODE_START_MS, pod: usage(3), containers: new Map() }) },
    { cpu: [9e9, 9e9], runtime: ["s"] },
  ],
];
for (const [what, found, want] of CASES) {
  test(`resourceSummary() ${what}`, async () => {
    assert.deepEqual(await summarized(found), want);
  });
}
