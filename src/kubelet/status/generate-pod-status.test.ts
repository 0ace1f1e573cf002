import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerStatus, PodSpec, PodStatus } from "#api/core/v1/types.gen";
import { NODE_START_MS, testContainer as c, testPod, testRuntimePod } from "../container/testing.ts";
import type { RuntimeContainer, RuntimeSandbox } from "../container/runtime-pod.ts";
import { generatePodStatus } from "./generate-pod-status.ts";
import type { WaitingReason } from "./container-statuses.ts";

interface Case {
  readonly name: string;
  readonly spec?: Partial<PodSpec>;
  readonly runtime: readonly string[];
  readonly sandbox?: Partial<RuntimeSandbox> | "none";
  readonly reasons?: Readonly<Record<string, WaitingReason>>;
  readonly ready?: Readonly<Record<string, boolean>>;
  readonly startup?: Readonly<Record<string, boolean>>;
  readonly isTerminal?: boolean;
  readonly previous?: PodStatus;
  /** Phase, container states, conditions that are true. */
  readonly want: string;
}

const never = { restartPolicy: "Never" };
const init = { initContainers: [c("i")], containers: [c("c")] };
const backOff = { c: { reason: "CrashLoopBackOff", message: "back-off" } };

const cases: readonly Case[] = [
  {
    name: "of a new pod",
    runtime: [],
    sandbox: "none",
    want: "Pending c=ContainerCreating | Initialized PodScheduled",
  },
  {
    name: "of a running pod",
    runtime: ["c=running"],
    want: "Running c=running+ready | PodReadyToStartContainers Initialized Ready ContainersReady PodScheduled",
  },
  {
    name: "before the readiness probe has answered",
    spec: { containers: [c("c", { readinessProbe: {} })] },
    runtime: ["c=running"],
    want: "Running c=running | PodReadyToStartContainers Initialized PodScheduled",
  },
  {
    name: "after the readiness probe has succeeded",
    spec: { containers: [c("c", { readinessProbe: {} })] },
    runtime: ["c=running"],
    ready: { c0: true },
    want: "Running c=running+ready | PodReadyToStartContainers Initialized Ready ContainersReady PodScheduled",
  },
  {
    name: "while the startup probe has not succeeded",
    spec: { containers: [c("c", { startupProbe: {} })] },
    runtime: ["c=running"],
    want: "Running c=running | PodReadyToStartContainers Initialized PodScheduled",
  },
  {
    name: "of a crashing container",
    runtime: ["c=exited:1@1", "c=exited:1"],
    reasons: backOff,
    want: "Running c=CrashLoopBackOff(last 1) | PodReadyToStartContainers Initialized PodScheduled",
  },
  {
    name: "of an image that cannot be pulled",
    runtime: [],
    reasons: { c: { reason: "ErrImagePull", message: "no" } },
    want: "Pending c=ErrImagePull | PodReadyToStartContainers Initialized PodScheduled",
  },
  {
    name: "during initialisation",
    spec: init,
    runtime: ["i=running"],
    want: "Pending i=running c=PodInitializing | PodReadyToStartContainers PodScheduled",
  },
  {
    name: "after a failed initialisation under Never",
    spec: { ...init, ...never },
    runtime: ["i=exited:1"],
    want: "Failed i=exited:1 c=PodInitializing | PodReadyToStartContainers PodScheduled",
  },
  {
    name: "of a finished job",
    spec: never,
    runtime: ["c=exited:0"],
    sandbox: { ready: false },
    want: "Succeeded c=exited:0 | Initialized PodScheduled",
  },
  {
    name: "of a failed job",
    spec: never,
    runtime: ["c=exited:2"],
    want: "Failed c=exited:2 | PodReadyToStartContainers Initialized PodScheduled",
  },
  {
    name: "of a service that was deleted and ended well",
    runtime: ["c=exited:0"],
    isTerminal: true,
    want: "Succeeded c=exited:0 | PodReadyToStartContainers Initialized PodScheduled",
  },
  {
    name: "that has failed before, whatever the runtime says",
    runtime: ["c=running"],
    previous: { phase: "Failed", reason: "Evicted", message: "no room" },
    want: "Failed(Evicted) c=running+ready | PodReadyToStartContainers Initialized PodScheduled",
  },
  {
    name: "with a readiness gate that nobody has set",
    spec: { readinessGates: [{ conditionType: "x/y" }] },
    runtime: ["c=running"],
    want: "Running c=running+ready | PodReadyToStartContainers Initialized ContainersReady PodScheduled",
  },
];

for (const testCase of cases) {
  const { name, spec = {}, runtime, sandbox = {}, reasons = {}, ready = {}, startup = {}, want } = testCase;
  test(`generatePodStatus() ${name}`, () => {
    const status = generatePodStatus({
      pod: testPod(spec),
      runtime: testRuntimePod(runtime, sandbox),
      runtimeName: "containerd",
      previous: testCase.previous ?? {},
      reasons: new Map(Object.entries(reasons)),
      probes: { readiness: (id) => ready[id], startup: (id) => startup[id] },
      hostIPs: ["192.0.2.1"],
      isTerminal: testCase.isTerminal ?? false,
      nowMs: NODE_START_MS,
    });
    assert.equal(print(status), want);
  });
}

test("generatePodStatus() gives a pod on the node's network the node's addresses", () => {
  const status = generatePodStatus({
    pod: testPod({ hostNetwork: true }),
    runtime: testRuntimePod(["c=running"], { hostNetwork: true, ips: [] }),
    runtimeName: "containerd",
    previous: {},
    reasons: new Map(),
    probes: { readiness: () => undefined, startup: () => undefined },
    hostIPs: ["192.0.2.1", "2001:db8::1"],
    isTerminal: false,
    nowMs: NODE_START_MS,
  });
  assert.deepEqual(status.podIPs, [{ ip: "192.0.2.1" }, { ip: "2001:db8::1" }]);
  assert.equal(status.hostIP, "192.0.2.1");
});

test("generatePodStatus() dates a container that never started to 1970, which kubectl can show", () => {
  const { state } = statusOf("c=exited:128", { startedAtMs: 0 });
  assert.equal(state?.terminated?.startedAt, "1970-01-01T00:00:00Z");
});

test("generatePodStatus() tells the stop signal that is in force, if the runtime does", () => {
  assert.equal(statusOf("c=running", { stopSignal: "SIGUSR1" }).stopSignal, "SIGUSR1");
  assert.ok(!("stopSignal" in statusOf("c=running", {})));
});

function statusOf(container: string, changed: Partial<RuntimeContainer>): ContainerStatus {
  const runtime = testRuntimePod([container]);
  const { containerStatuses = [] } = generatePodStatus({
    pod: testPod(never),
    runtime: { ...runtime, containers: runtime.containers.map((each) => ({ ...each, ...changed })) },
    runtimeName: "containerd",
    previous: {},
    reasons: new Map(),
    probes: { readiness: () => undefined, startup: () => undefined },
    hostIPs: ["192.0.2.1"],
    isTerminal: false,
    nowMs: NODE_START_MS,
  });
  return containerStatuses[0]!;
}

function print(status: PodStatus): string {
  const states = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].map((s) => {
    const { waiting, running, terminated } = s.state ?? {};
    const state = waiting?.reason ?? (running === undefined ? `exited:${terminated?.exitCode}` : "running");
    const last = s.lastState?.terminated === undefined ? "" : `(last ${s.lastState.terminated.exitCode})`;
    return `${s.name}=${state}${last}${s.ready && running !== undefined ? "+ready" : ""}`;
  });
  const reason = status.reason === undefined ? "" : `(${status.reason})`;
  const conditions = (status.conditions ?? []).filter((x) => x.status === "True").map(({ type }) => type);
  return `${status.phase}${reason} ${states.join(" ")} | ${conditions.join(" ")}`;
}
