import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import type { Runtime } from "#cri";
import { pluginName } from "../volumes/plugin-name.ts";
import { KubeletMetrics } from "./kubelet-metrics.ts";
import { measuredRuntime } from "./measured-runtime.ts";
import { PodStartMetrics } from "./pod-start-metrics.ts";

async function line(metrics: KubeletMetrics, start: string): Promise<string | undefined> {
  const text = await metrics.registry.metrics();
  return text.split("\n").find((one) => one.startsWith(start));
}

class FakeRuntime {
  readonly #answer = "sandbox";
  readonly clock: FakeClock;

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  async runPodSandbox(): Promise<string> {
    this.clock.advance(2000);
    return this.#answer;
  }

  async stopContainer(): Promise<void> {
    throw new Error("no such container");
  }
}

test("measuredRuntime() counts and times calls, and those that fail", async () => {
  const metrics = new KubeletMetrics();
  const clock = new FakeClock();
  const runtime = measuredRuntime(new FakeRuntime(clock) as unknown as Runtime, metrics, clock);
  const signal = new AbortController().signal;
  assert.equal(await runtime.runPodSandbox({} as never, "gvisor", signal), "sandbox");
  await assert.rejects(runtime.stopContainer("c", 1, signal), /no such container/u);
  await Promise.resolve();
  const of = (start: string): Promise<string | undefined> => line(metrics, start);
  const sandbox = '{operation_type="run_podsandbox"}';
  assert.equal(
    await of(`kubelet_runtime_operations_total${sandbox}`),
    `kubelet_runtime_operations_total${sandbox} 1`,
  );
  assert.match((await of(`kubelet_runtime_operations_duration_seconds_sum${sandbox}`)) ?? "", / 2$/u);
  assert.match(
    (await of('kubelet_runtime_operations_errors_total{operation_type="stop_container"}')) ?? "",
    / 1$/u,
  );
  assert.match(
    (await of('kubelet_run_podsandbox_duration_seconds_sum{runtime_handler="gvisor"}')) ?? "",
    / 2$/u,
  );
  assert.match((await of("kubelet_started_pods_total")) ?? "", / 1$/u);
});

test("PodStartMetrics times a pod once, and only one that comes to run", async () => {
  const metrics = new KubeletMetrics();
  const clock = new FakeClock();
  const starts = new PodStartMetrics(metrics.podTimes, clock);
  for (const uid of ["a", "b", "c"]) starts.seen(uid);
  clock.advance(1500);
  starts.told("a", { phase: "Pending" });
  starts.told("a", { phase: "Running" });
  starts.told("a", { phase: "Running" });
  starts.told("b", { phase: "Failed" });
  starts.told("b", { phase: "Running" });
  starts.forget("c");
  starts.told("c", { phase: "Running" });
  assert.equal(
    await line(metrics, "kubelet_pod_start_duration_seconds_sum"),
    "kubelet_pod_start_duration_seconds_sum 1.5",
  );
  assert.equal(
    await line(metrics, "kubelet_pod_start_duration_seconds_count"),
    "kubelet_pod_start_duration_seconds_count 1",
  );
});

test("pluginName() names plugins as upstream, CSI with its driver", () => {
  const names = [
    { volume: { name: "v", emptyDir: {} } },
    { volume: { name: "v", configMap: { name: "c" } } },
    { volume: { name: "v", csi: { driver: "d.example" } } },
  ].map(pluginName);
  assert.deepEqual(names, [
    "kubernetes.io/empty-dir",
    "kubernetes.io/configmap",
    "kubernetes.io/csi:d.example",
  ]);
});
