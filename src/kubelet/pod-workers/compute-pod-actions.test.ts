import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSpec } from "#api/core/v1/types.gen";
import { testContainer as c, testPod, testRuntimePod } from "../container/testing.ts";
import type { RuntimeSandbox } from "../container/runtime-pod.ts";
import type { PodActions, ProbeResults } from "./actions.ts";
import { computePodActions } from "./compute-pod-actions.ts";

interface Case {
  readonly name: string;
  readonly spec?: Partial<PodSpec>;
  readonly runtime: readonly string[];
  readonly sandbox?: Partial<RuntimeSandbox> | "none";
  /** Container id -> result. */
  readonly live?: Readonly<Record<string, boolean>>;
  readonly startup?: Readonly<Record<string, boolean>>;
  readonly want: string;
}

const two = { containers: [c("a"), c("b")] };
const init = { initContainers: [c("i"), c("j")], containers: [c("a")] };
const sidecar = { initContainers: [c("s", { restartPolicy: "Always" }), c("i")], containers: [c("a")] };
const slowSidecar = {
  initContainers: [c("s", { restartPolicy: "Always", startupProbe: {} })],
  containers: [c("a")],
};

const cases: readonly Case[] = [
  {
    name: "makes a sandbox and starts everything",
    spec: two,
    runtime: [],
    sandbox: "none",
    want: "sandbox@0 start a b",
  },
  { name: "does nothing while all run", spec: two, runtime: ["a=running", "b=running"], want: "" },
  { name: "restarts what has ended", spec: two, runtime: ["a=exited:0", "b=running"], want: "start a" },
  {
    name: "leaves a success under OnFailure",
    spec: { ...two, restartPolicy: "OnFailure" },
    runtime: ["a=exited:0", "b=running"],
    want: "",
  },
  {
    name: "restarts a failure under OnFailure",
    spec: { ...two, restartPolicy: "OnFailure" },
    runtime: ["a=exited:1", "b=running"],
    want: "start a",
  },
  {
    name: "ends the pod when Never leaves nothing to run",
    spec: { ...two, restartPolicy: "Never" },
    runtime: ["a=exited:1", "b=exited:0"],
    want: "kill-pod",
  },
  {
    name: "obeys a container's own rule before the pod's policy",
    spec: {
      restartPolicy: "Never",
      containers: [
        c("a", {
          restartPolicy: "Never",
          restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }],
        }),
      ],
    },
    runtime: ["a=exited:42"],
    want: "start a",
  },
  {
    name: "replaces a container whose image has changed",
    spec: { containers: [c("a", { image: "a:2" })] },
    runtime: ["a=running"],
    want: 'kill a "Container a definition changed, will be restarted" start a',
  },
  {
    name: "restarts on a failed liveness probe",
    spec: two,
    runtime: ["a=running", "b=running"],
    live: { a0: false },
    want: 'kill a "Container a failed liveness probe, will be restarted" start a',
  },
  {
    name: "only kills on a failed startup probe under Never",
    spec: { ...two, restartPolicy: "Never" },
    runtime: ["a=running", "b=running"],
    startup: { a0: false },
    want: 'kill a "Container a failed startup probe"',
  },
  {
    name: "kills a container of unknown state before it starts another",
    spec: two,
    runtime: ["a=unknown", "b=running"],
    want: 'kill a "Container is in "unknown" state, try killing it before restart" start a',
  },
  {
    name: "replaces a sandbox that is not ready",
    spec: two,
    runtime: ["a=running", "b=running"],
    sandbox: { ready: false },
    want: "kill-pod sandbox@1 start a b",
  },
  {
    name: "replaces a sandbox without an address",
    runtime: ["c=running"],
    sandbox: { ips: [] },
    want: "kill-pod sandbox@1 start c",
  },
  {
    name: "makes no new sandbox for a pod that is done",
    spec: { ...two, restartPolicy: "Never" },
    runtime: ["a=exited:0", "b=exited:0"],
    sandbox: { ready: false },
    want: "kill-pod",
  },
  { name: "starts the first init container first", spec: init, runtime: [], want: "start i" },
  { name: "waits for an init container", spec: init, runtime: ["i=running"], want: "" },
  { name: "goes on to the next init container", spec: init, runtime: ["i=exited:0"], want: "start j" },
  {
    name: "starts the pod after the last init container",
    spec: init,
    runtime: ["j=exited:0", "i=exited:0"],
    want: "start a",
  },
  { name: "trusts the last init container alone", spec: init, runtime: ["j=exited:0"], want: "start a" },
  { name: "retries a failed init container", spec: init, runtime: ["i=exited:1"], want: "start i" },
  {
    name: "ends the pod on a failed init container under Never",
    spec: { ...init, restartPolicy: "Never" },
    runtime: ["i=exited:1"],
    want: "kill-pod",
  },
  { name: "does not initialise again", spec: init, runtime: ["a=running"], want: "" },
  { name: "starts the container after a sidecar", spec: sidecar, runtime: ["s=running"], want: "start i" },
  {
    name: "restarts a sidecar that has ended",
    spec: sidecar,
    runtime: ["a=running", "s=exited:0"],
    want: "start s",
  },
  {
    name: "waits for a sidecar's startup probe",
    spec: slowSidecar,
    runtime: ["s=running"],
    want: "",
  },
  {
    name: "goes on when a sidecar has started",
    spec: slowSidecar,
    runtime: ["s=running"],
    startup: { s0: true },
    want: "start a",
  },
  {
    name: "does not let a sidecar keep a finished pod",
    spec: { ...sidecar, restartPolicy: "Never" },
    runtime: ["a=exited:0", "s=running", "i=exited:0"],
    want: "kill-pod",
  },
];

for (const { name, spec = {}, runtime, sandbox = {}, live = {}, startup = {}, want } of cases) {
  test(`computePodActions() ${name}`, () => {
    const probes: ProbeResults = { liveness: (id) => live[id], startup: (id) => startup[id] };
    const pod = testPod(spec);
    const actions = computePodActions(pod, testRuntimePod(runtime, sandbox), probes);
    const killedFirst = sandbox === "none" ? want.replace(/^/u, "kill-pod ") : want;
    assert.equal(print(actions, pod.spec!), killedFirst);
  });
}

test("computePodActions() starts an ephemeral container once", () => {
  const spec = { ephemeralContainers: [{ name: "debug", image: "debug:1" }] };
  const probes: ProbeResults = { liveness: () => undefined, startup: () => undefined };
  const first = computePodActions(testPod(spec), testRuntimePod(["c=running"]), probes);
  assert.deepEqual(first.ephemeralContainersToStart, [0]);
  const then = computePodActions(testPod(spec), testRuntimePod(["c=running", "debug=exited:0"]), probes);
  assert.deepEqual(then.ephemeralContainersToStart, []);
});

function print(actions: PodActions, spec: PodSpec): string {
  const starts = [
    ...actions.initContainersToStart.map((i) => spec.initContainers![i]!.name),
    ...actions.containersToStart.map((i) => spec.containers[i]!.name),
  ];
  return [
    ...(actions.killPod ? ["kill-pod"] : []),
    ...(actions.createSandbox ? [`sandbox@${actions.attempt}`] : []),
    ...actions.containersToKill.map(({ container, message }) => `kill ${container.name} "${message}"`),
    ...(starts.length > 0 ? [`start ${starts.join(" ")}`] : []),
  ].join(" ");
}
