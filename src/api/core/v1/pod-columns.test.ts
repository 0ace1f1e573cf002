import assert from "node:assert/strict";
import { test } from "node:test";
import { podColumns } from "./pod-columns.ts";
import type { Container, ContainerState, ContainerStatus, Pod, PodStatus } from "./types.gen.ts";

const NOW_MS = Date.parse("2026-01-01T01:00:00Z");
const AGO_5M = "2026-01-01T00:55:00Z";

interface Setup {
  readonly status: PodStatus;
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly deleted?: boolean;
}

function pod({ status, containers = [{ name: "a" }], initContainers = [], deleted = false }: Setup): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "p",
      creationTimestamp: "2026-01-01T00:00:00Z",
      ...(deleted && { deletionTimestamp: AGO_5M }),
    },
    spec: { containers, initContainers },
    status,
  };
}

function containerStatus(
  name: string,
  state: ContainerState,
  rest: Partial<ContainerStatus> = {},
): ContainerStatus {
  return { name, image: "", imageID: "", ready: false, restartCount: 0, state, ...rest };
}

const running = { running: { startedAt: AGO_5M } };
const done = (exitCode: number, reason?: string): ContainerState => ({
  terminated: { exitCode, ...(reason !== undefined && { reason }) },
});
const READY = { type: "Ready", status: "True" };

const cases: readonly (readonly [
  what: string,
  setup: Setup,
  ready: string,
  status: string,
  restarts: string,
])[] = [
  ["nothing known", { status: { phase: "Pending" } }, "0/1", "Pending", "0"],
  [
    "running",
    { status: { phase: "Running", containerStatuses: [containerStatus("a", running, { ready: true })] } },
    "1/1",
    "Running",
    "0",
  ],
  [
    "crash loop",
    {
      status: {
        phase: "Running",
        containerStatuses: [
          containerStatus(
            "a",
            { waiting: { reason: "CrashLoopBackOff" } },
            { restartCount: 2, lastState: { terminated: { exitCode: 1, finishedAt: AGO_5M } } },
          ),
        ],
      },
    },
    "0/1",
    "CrashLoopBackOff",
    "2 (5m ago)",
  ],
  [
    "first init container of two",
    {
      initContainers: [{ name: "i" }, { name: "j" }],
      status: {
        phase: "Pending",
        initContainerStatuses: [containerStatus("i", running), containerStatus("j", {})],
      },
    },
    "0/1",
    "Init:0/2",
    "0",
  ],
  [
    "init container failed",
    {
      initContainers: [{ name: "i" }],
      status: { phase: "Pending", initContainerStatuses: [containerStatus("i", done(3))] },
    },
    "0/1",
    "Init:ExitCode:3",
    "0",
  ],
  [
    "init container waits for its image",
    {
      initContainers: [{ name: "i" }],
      status: {
        phase: "Pending",
        initContainerStatuses: [containerStatus("i", { waiting: { reason: "ImagePullBackOff" } })],
      },
    },
    "0/1",
    "Init:ImagePullBackOff",
    "0",
  ],
  [
    "sidecar counts",
    {
      initContainers: [{ name: "s", restartPolicy: "Always" }],
      status: {
        phase: "Running",
        initContainerStatuses: [
          containerStatus("s", running, { started: true, ready: true, restartCount: 1 }),
        ],
        containerStatuses: [containerStatus("a", running, { ready: true })],
      },
    },
    "2/2",
    "Running",
    "1",
  ],
  [
    "completed",
    { status: { phase: "Succeeded", containerStatuses: [containerStatus("a", done(0, "Completed"))] } },
    "0/1",
    "Completed",
    "0",
  ],
  [
    "one completed, one runs, ready",
    {
      containers: [{ name: "a" }, { name: "b" }],
      status: {
        phase: "Running",
        conditions: [READY],
        containerStatuses: [
          containerStatus("a", done(0, "Completed")),
          containerStatus("b", running, { ready: true }),
        ],
      },
    },
    "1/2",
    "Running",
    "0",
  ],
  [
    "one completed, one runs, not ready",
    {
      containers: [{ name: "a" }, { name: "b" }],
      status: {
        phase: "Running",
        containerStatuses: [
          containerStatus("a", done(0, "Completed")),
          containerStatus("b", running, { ready: true }),
        ],
      },
    },
    "1/2",
    "NotReady",
    "0",
  ],
  [
    "error beside completed",
    {
      containers: [{ name: "a" }, { name: "b" }],
      status: {
        phase: "Failed",
        containerStatuses: [
          containerStatus("a", done(0, "Completed")),
          containerStatus("b", done(1, "Error")),
        ],
      },
    },
    "0/2",
    "Error",
    "0",
  ],
  [
    "terminating",
    {
      deleted: true,
      status: { phase: "Running", containerStatuses: [containerStatus("a", running, { ready: true })] },
    },
    "1/1",
    "Terminating",
    "0",
  ],
  ["node lost", { deleted: true, status: { phase: "Running", reason: "NodeLost" } }, "0/1", "Unknown", "0"],
  ["evicted", { status: { phase: "Failed", reason: "Evicted" } }, "0/1", "Evicted", "0"],
  [
    "gated",
    {
      status: {
        phase: "Pending",
        conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }],
      },
    },
    "0/1",
    "SchedulingGated",
    "0",
  ],
];

for (const [what, setup, ready, expected, restarts] of cases) {
  test(`podColumns: ${what}`, () => {
    const row = Object.fromEntries(
      podColumns.map((column) => [column.name, column.value(pod(setup), NOW_MS)]),
    );
    assert.deepEqual(
      [row["Ready"], row["Status"], row["Restarts"], row["Age"]],
      [ready, expected, restarts, "60m"],
    );
  });
}

test("podColumns shows where a pod runs only when it is wide", () => {
  const wide = podColumns.filter((column) => column.wide === true).map((column) => column.name);
  assert.deepEqual(wide, ["IP", "Node", "Nominated Node", "Readiness Gates"]);
});
