import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, formatTime } from "#apimachinery";
import type { Pod, PodSpec, PodStatus } from "#api/core/v1/types.gen";
import type { RuntimeContainer } from "../container/runtime-pod.ts";
import { testContainer, testPod } from "../container/testing.ts";
import { KubeletMetrics } from "./kubelet-metrics.ts";
import { covered, PodStartup } from "./pod-startup.ts";

const MADE_MS = Date.UTC(2026, 0, 1);
const RUNNING: PodStatus = {
  phase: "Running",
  startTime: formatTime(MADE_MS),
  containerStatuses: [
    {
      name: "c",
      image: "i",
      imageID: "",
      ready: true,
      restartCount: 0,
      state: { running: { startedAt: formatTime(MADE_MS) } },
    },
  ],
};

interface World {
  readonly clock: FakeClock;
  readonly startup: PodStartup;
  /** By its name, without the prefix: the sum, and how often. */
  readonly value: (name: string) => Promise<string | undefined>;
}

function world(): World {
  const clock = new FakeClock(MADE_MS);
  const metrics = new KubeletMetrics();
  const startup = new PodStartup(metrics.podTimes, clock);
  return {
    clock,
    startup,
    async value(name) {
      const text = await metrics.registry.metrics();
      return new RegExp(`^kubelet_${name} (.*)$`, "mu").exec(text)?.[1];
    },
  };
}

function podOf(status: PodStatus, spec: Partial<PodSpec> = {}): Pod {
  const pod = testPod(spec);
  return { ...pod, metadata: { ...pod.metadata, creationTimestamp: formatTime(MADE_MS) }, status };
}

/** Kubelet has told that the pod runs, and the API shows it. */
function runs(startup: PodStartup, pod: Pod): void {
  startup.statusWritten(pod);
  startup.observed(pod);
}

const SLI = "pod_start_sli_duration_seconds_sum";
const TOTAL = "pod_start_total_duration_seconds_sum";

test("PodStartup leaves out the time of pulls, which may overlap, and of init containers", async () => {
  const { clock, startup, value } = world();
  const spec = { initContainers: [testContainer("init")], volumes: [{ name: "v", emptyDir: {} }] };
  startup.observed(podOf({ phase: "Pending" }, spec));
  startup.pullStarted("u1");
  clock.advance(1000);
  startup.pullStarted("u1");
  clock.advance(1000);
  startup.pullEnded("u1");
  clock.advance(1000);
  startup.pullEnded("u1");
  const ended = { id: "1", name: "init", state: "exited", startedAtMs: MADE_MS, finishedAtMs: MADE_MS + 500 };
  const pod = podOf(RUNNING, spec);
  for (let i = 0; i < 2; i++) startup.saw(pod, [ended as RuntimeContainer]);
  clock.advance(1000);
  startup.observed(pod);
  assert.equal(await value(TOTAL), "0", "kubelet has not told it");
  runs(startup, pod);
  runs(startup, pod);
  assert.equal(await value(TOTAL), "4");
  assert.equal(await value(SLI), "0.5");
  assert.equal(await value("pod_start_sli_duration_seconds_count"), "1");
  assert.equal(await value("first_network_pod_start_sli_duration_seconds"), "0.5");
});

const unscheduled = { type: "PodScheduled", status: "False" } as const;
const cases = [
  { name: "one that ran before this kubelet", first: RUNNING, total: "0", sli: "0" },
  {
    name: "one that had to wait for the scheduler",
    first: { phase: "Pending", conditions: [unscheduled] } as const,
    total: "0",
    sli: "0",
  },
  {
    name: "one with a volume that lasts, but for its whole time",
    first: { phase: "Pending" } as const,
    spec: { volumes: [{ name: "v", hostPath: { path: "/" } }] },
    total: "2",
    sli: "0",
  },
];

for (const { name, first, spec = {}, total, sli } of cases) {
  test(`PodStartup does not measure ${name}`, async () => {
    const { clock, startup, value } = world();
    startup.observed(podOf(first, spec));
    clock.advance(2000);
    runs(startup, podOf(RUNNING, spec));
    assert.deepEqual([await value(TOTAL), await value(SLI)], [total, sli]);
  });
}

test("covered() is the time in which at least one was under way", () => {
  const spans = [
    [0, 10],
    [2, 4],
    [8, 12],
    [20, 21],
  ].map(([startMs, endMs]) => ({ startMs: startMs!, endMs: endMs! }));
  assert.equal(covered(spans), 13);
});
