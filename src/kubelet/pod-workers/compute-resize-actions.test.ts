import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod, ResourceRequirements } from "#api/core/v1/types.gen";
import { allocationOf } from "../allocation/pod-allocation.ts";
import { testContainer, testPod, testRuntimePod } from "../container/testing.ts";
import { computePodActions } from "./compute-pod-actions.ts";
import { isResizeInProgress } from "./compute-resize-actions.ts";

const PROBES = { liveness: () => undefined, startup: () => undefined };
const RESTART = [{ resourceName: "memory", restartPolicy: "RestartContainer" }];

function sized(cpu: string, memory: string, more: Partial<Container> = {}, name = "c"): Container {
  const list = { cpu, memory };
  return testContainer(name, { resources: { requests: list, limits: list }, ...more });
}

/** What a pod that has `before` does to have `after`. */
function plan(before: Pod, after: Pod, runtime: readonly string[] = ["c=running"]): string {
  const { resize, containersToKill, containersToStart, initContainersToStart } = computePodActions(
    after,
    testRuntimePod(runtime),
    PROBES,
    allocationOf(before),
  );
  const updates = [...(resize?.memory ?? []), ...(resize?.cpu ?? [])];
  return [
    ...updates.map(({ container, resource }) => `${resource} of ${container.name}`),
    ...containersToKill.map(({ message }) => message),
    ...initContainersToStart.map((index) => `init ${index}`),
    ...containersToStart.map((index) => `start ${index}`),
    ...(resize?.updatePod === true ? ["pod"] : []),
  ].join(", ");
}

const of = (...containers: readonly Container[]): Pod => testPod({ containers });

const CASES: readonly (readonly [string, Pod, Pod, readonly string[], string])[] = [
  ["nothing for equal amounts", of(sized("1", "1Gi")), of(sized("1000m", "1024Mi")), ["c=running"], ""],
  ["an update of what changed", of(sized("1", "1Gi")), of(sized("2", "1Gi")), ["c=running"], "cpu of c"],
  ["memory before cpu", of(sized("1", "1Gi")), of(sized("2", "2Gi")), ["c=running"], "memory of c, cpu of c"],
  [
    "a restart where the policy says so",
    of(sized("1", "1Gi", { resizePolicy: RESTART })),
    of(sized("2", "2Gi", { resizePolicy: RESTART })),
    ["c=running"],
    "Container c resize requires restart, start 0, pod",
  ],
  [
    "no restart for the other resource",
    of(sized("1", "1Gi", { resizePolicy: RESTART })),
    of(sized("2", "1Gi", { resizePolicy: RESTART })),
    ["c=running"],
    "cpu of c",
  ],
  [
    "what shrinks first",
    of(sized("1", "1Gi"), sized("2", "1Gi", {}, "d")),
    of(sized("2", "1Gi"), sized("1", "1Gi", {}, "d")),
    ["c=running", "d=running"],
    "cpu of d, cpu of c",
  ],
  ["nothing to one that does not run", of(sized("1", "1Gi")), of(sized("2", "1Gi")), ["c=exited"], "start 0"],
  [
    "an update for a limit that was added",
    of(testContainer("c", { resources: { requests: { cpu: "1" } } })),
    of(testContainer("c", { resources: { requests: { cpu: "1" }, limits: { cpu: "2" } } })),
    ["c=running"],
    "cpu of c",
  ],
];

for (const [what, before, after, runtime, want] of CASES) {
  test(`computePodActions() plans ${what}`, () => {
    assert.equal(plan(before, after, runtime), want);
  });
}

test("computePodActions() resizes sidecars too, and restarts them", () => {
  const sidecar = { restartPolicy: "Always", resizePolicy: RESTART };
  const podOf = (memory: string): Pod =>
    testPod({ initContainers: [sized("1", memory, sidecar, "s")], containers: [testContainer("c")] });
  assert.equal(
    plan(podOf("1Gi"), podOf("2Gi"), ["c=running", "s=running"]),
    "Container s resize requires restart, init 0, pod",
  );
});

function whole(cpu: string): Pod {
  const resources: ResourceRequirements = { requests: { cpu }, limits: { cpu } };
  return testPod({ resources, containers: [testContainer("c")] });
}

test("computePodActions() resizes a pod as a whole, and containers that live by its limits", () => {
  assert.equal(plan(whole("1"), whole("2")), "cpu of c, pod");
});

test("isResizeInProgress() lasts until the containers that run have what was granted", () => {
  const before = allocationOf(of(sized("1", "1Gi")));
  const after = of(sized("2", "1Gi"));
  assert.equal(isResizeInProgress(after, testRuntimePod(["c=running"]), before), true);
  assert.equal(isResizeInProgress(after, testRuntimePod(["c=exited"]), before), false);
  assert.equal(isResizeInProgress(after, testRuntimePod(["c=running"]), allocationOf(after)), false);
});
