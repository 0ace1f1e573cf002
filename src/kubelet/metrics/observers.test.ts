import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import type { Pod, PodStatus } from "#api/core/v1/types.gen";
import { noCgroups } from "../cgroups/no-cgroups.ts";
import { testContainer, testPod } from "../container/testing.ts";
import { imageSizeLabel } from "./image-metrics.ts";
import { KubeletMetrics } from "./kubelet-metrics.ts";
import { measuredCgroups } from "./measured-cgroups.ts";
import { nodeGaugesText } from "./node-gauges.ts";
import { newEnds, volumeObservers } from "./observers.ts";
import { requestedResizes } from "./resize-metrics.ts";

function statusOf(exitCode: number | undefined): PodStatus {
  const state = exitCode === undefined ? { running: {} } : { terminated: { exitCode, reason: "Error" } };
  const status = { name: "c", image: "", imageID: "", ready: false, restartCount: 0, state };
  return { containerStatuses: [status] };
}

function podOf(requests: object, limits: object): Pod {
  return testPod({ containers: [testContainer("c", { resources: { requests, limits } as never })] });
}

test("newEnds() tells each end of a container once", () => {
  const end = { container_type: "container", exit_code: "3", reason: "Error" };
  assert.deepEqual(newEnds(statusOf(undefined), statusOf(3)), [end]);
  assert.deepEqual(newEnds({}, statusOf(3)), [end]);
  assert.deepEqual(newEnds(statusOf(3), statusOf(3)), []);
  assert.deepEqual(newEnds(statusOf(3), statusOf(undefined)), []);
});

test("imageSizeLabel() names sizes as upstream", () => {
  const sizes = [0, 1, 10 * 2 ** 20, 10 * 2 ** 20 + 1, 2 ** 30, 2 ** 30 + 1, 2 ** 40].map(imageSizeLabel);
  assert.deepEqual(sizes, ["N/A", "0-10MB", "0-10MB", "10MB-100MB", "500MB-1GB", "1GB-5GB", "GT100GB"]);
});

test("requestedResizes() tells each resource of each container that changes", () => {
  const before = podOf({ cpu: "1", memory: "1Gi" }, { cpu: "2" });
  assert.deepEqual(requestedResizes(before, before), []);
  assert.deepEqual(
    requestedResizes(before, podOf({ cpu: "500m" }, { cpu: "2000m", memory: "2Gi" })).map((labels) =>
      Object.values(labels).join(" "),
    ),
    ["memory requests remove", "memory limits add", "cpu requests decrease"],
  );
});

test("measuredCgroups() counts what is made, changed and removed, and no cgroup twice", async () => {
  const pods = new Set<string>();
  const cgroups = {
    ...noCgroups,
    ensurePod: async (uid: string) => (pods.add(uid), `/pod${uid}`),
    removePod: async (uid: string) => void pods.delete(uid),
    listPods: async () => [...pods, "before"],
  };
  const metrics = new KubeletMetrics();
  const measured = measuredCgroups(cgroups, metrics, new FakeClock());
  for (const uid of ["a", "a", "before"]) await measured.ensurePod(uid, "Burstable", {});
  await measured.updatePod("a", "Burstable", {});
  for (const uid of ["a", "a", "before"]) await measured.removePod(uid);
  const text = await metrics.registry.metrics();
  const counts = [...text.matchAll(/^kubelet_cgroup_manager_duration_seconds_count\{.*="(.*)"\} (.*)$/gmu)];
  assert.deepEqual(
    counts.map(([, operation, count]) => `${operation} ${count}`),
    ["create 1", "update 1", "destroy 2"],
  );
});

test("volumeObservers() count what an earlier kubelet left, and what could not be understood of it", async () => {
  const metrics = new KubeletMetrics();
  const { onFound, onForceCleaned } = volumeObservers(metrics.storage);
  onFound(true);
  onFound(false);
  onForceCleaned(1, true);
  onForceCleaned(1, false);
  const text = await metrics.registry.metrics();
  const of = (name: string): string | undefined => new RegExp(`^${name} (.*)$`, "mu").exec(text)?.[1];
  assert.equal(of("reconstruct_volume_operations_total"), "2");
  assert.equal(of("reconstruct_volume_operations_errors_total"), "1");
  assert.equal(of("force_cleaned_failed_volume_operations_total"), "2");
  assert.equal(of("force_cleaned_failed_volume_operation_errors_total"), "1");
});

test("nodeGaugesText() shows every state in which pods can be, and those that there are", async () => {
  const details = {
    workingPods: [
      { lifecycle: "sync", config: "desired", isStatic: false },
      { lifecycle: "terminating", config: "runtime_only", isStatic: false },
    ],
    mirrorPods: 2,
    certificates: [],
    volumes: { actual: new Map([["p", 1]]), desired: new Map([["p", 2]]) },
    pendingResizes: new Map([["Deferred", 1]]),
    resizesInProgress: 3,
  } as const;
  const node = { nodeName: "n", runtimePods: [], pods: [], activePods: [], details };
  const text = await nodeGaugesText(node, 2);
  for (const line of [
    'kubelet_working_pods{lifecycle="sync",config="desired",static=""} 1',
    'kubelet_working_pods{lifecycle="terminating",config="runtime_only",static="unknown"} 1',
    'kubelet_working_pods{lifecycle="terminated",config="orphan",static="true"} 0',
    "kubelet_mirror_pods 2",
    'volume_manager_total_volumes{plugin_name="p",state="actual_state_of_world"} 1',
    'volume_manager_total_volumes{plugin_name="p",state="desired_state_of_world"} 2',
    'kubelet_pod_pending_resizes{reason="deferred"} 1',
    "kubelet_pod_in_progress_resizes 3",
    "kubelet_cgroup_version 2",
    "# HELP kubelet_running_pods [ALPHA] Pods that have a running pod sandbox",
  ])
    assert.ok(text.split("\n").includes(line), `${line} is missing`);
});
