import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, ContainerRestartRule, Pod, PodStatus } from "#api/core/v1/types.gen";
import { generatePodStatus } from "../status/generate-pod-status.ts";
import { containersToReset, isRestartingAll, restartingCondition } from "./restart-all.ts";
import { NODE_START_MS, testContainer as c, testPod, testRuntimePod } from "./testing.ts";

const RULE: ContainerRestartRule = {
  action: "RestartAllContainers",
  exitCodes: { operator: "In", values: [42] },
};
const WATCHER: Partial<Container> = { restartPolicy: "Never", restartPolicyRules: [RULE] };
const POD = testPod({
  restartPolicy: "Never",
  initContainers: [c("i")],
  containers: [c("a", WATCHER), c("b")],
});

test("isRestartingAll() follows the rule for the exit code, and an earlier rule of another action wins", () => {
  const first: ContainerRestartRule = { action: "Restart", exitCodes: { operator: "In", values: [42] } };
  const other = testPod({ containers: [c("a", { ...WATCHER, restartPolicyRules: [first, RULE] }), c("b")] });
  const cases: readonly (readonly [pod: Pod, runtime: readonly string[], expected: boolean])[] = [
    [POD, ["a=exited:42", "b=running", "i=exited:0"], true],
    [POD, ["a=exited:1", "b=running", "i=exited:0"], false],
    [POD, ["a=running", "b=exited:42", "i=exited:0"], false],
    [other, ["a=exited:42", "b=running"], false],
  ];
  for (const [pod, runtime, expected] of cases)
    assert.equal(isRestartingAll(pod, testRuntimePod(runtime), {}), expected, runtime.join());
});

test("containersToReset() removes who asked for it last, and every earlier run", () => {
  const runtime = testRuntimePod(["a=exited:42@1", "a=exited:0@0", "b=running", "i=exited:0"]);
  assert.deepEqual(
    containersToReset(POD, runtime).map(({ id, isActive }) => `${id} ${isActive}`),
    ["a0 false", "b0 true", "i0 false", "a1 false"],
  );
});

function condition(runtime: readonly string[], phase: string): string | undefined {
  return restartingCondition(POD, testRuntimePod(runtime), true, phase)?.status;
}

test("restartingCondition() holds until nothing of the old run is left", () => {
  assert.equal(condition(["a=exited:42", "b=running"], "Running"), "True");
  assert.equal(condition(["a=exited:42"], "Running"), "True");
  assert.equal(condition([], "Running"), "False");
  assert.equal(condition(["a=exited:42"], "Failed"), "False");
  assert.equal(restartingCondition(testPod(), testRuntimePod([]), false, "Running"), undefined);
});

/** One status after the other, as the runtime goes on. */
test("generatePodStatus() tells of a pod whose containers are all restarted", () => {
  let previous: PodStatus = {};
  const told = (runtime: readonly string[]): string => {
    previous = generatePodStatus({
      pod: POD,
      runtime: testRuntimePod(runtime),
      runtimeName: "containerd",
      previous,
      reasons: new Map(),
      probes: { readiness: () => undefined, startup: () => undefined },
      hostIPs: ["192.0.2.1"],
      isTerminal: false,
      nowMs: NODE_START_MS,
    });
    const { initContainerStatuses = [], containerStatuses = [], conditions = [], phase } = previous;
    const states = [...initContainerStatuses, ...containerStatuses].map(({ name, state, restartCount }) => {
      const what = state?.waiting?.reason ?? state?.terminated?.exitCode ?? "running";
      return `${name}=${what}@${restartCount}`;
    });
    const isTrue = (type: string): boolean =>
      conditions.some((one) => one.type === type && one.status === "True");
    const flags = ["Initialized", "AllContainersRestarting"].filter(isTrue);
    return [phase, ...states, ...flags].join(" ");
  };
  const story = [
    ["a=running", "b=running", "i=exited:0"],
    ["a=exited:42", "b=running", "i=exited:0"],
    ["a=exited:42", "b=exited:137", "i=exited:0"],
    ["a=exited:42"],
    ["a=exited:42"],
    ["a=exited:42"],
    [],
    ["i=running@1"],
    ["i=exited:0@1"],
    ["a=running@1", "b=running@1", "i=exited:0@1"],
  ];
  assert.deepEqual(story.map(told), [
    "Running i=0@0 a=running@0 b=running@0 Initialized",
    "Running i=0@0 a=42@0 b=running@0 Initialized AllContainersRestarting",
    "Running i=0@0 a=42@0 b=137@0 Initialized AllContainersRestarting",
    "Running i=RestartingAllContainers@1 a=42@0 b=RestartingAllContainers@1 Initialized AllContainersRestarting",
    "Running i=RestartingAllContainers@1 a=42@0 b=RestartingAllContainers@1 Initialized AllContainersRestarting",
    "Running i=RestartingAllContainers@1 a=42@0 b=RestartingAllContainers@1 Initialized AllContainersRestarting",
    "Running i=RestartingAllContainers@1 a=RestartingAllContainers@1 b=RestartingAllContainers@1 Initialized",
    "Pending i=running@1 a=PodInitializing@1 b=PodInitializing@1 Initialized",
    "Running i=0@1 a=PodInitializing@1 b=PodInitializing@1 Initialized",
    "Running i=0@1 a=running@1 b=running@1 Initialized",
  ]);
  assert.equal(previous.containerStatuses?.[1]?.lastState?.terminated?.reason, "RestartingAllContainers");
});
