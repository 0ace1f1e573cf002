import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, PodSpec, PodStatus } from "#api/core/v1/types.gen";
import { testPod } from "../fixture.ts";
import { podRequests } from "./pod-requests.ts";

interface Case {
  readonly name: string;
  readonly cpu?: string;
  readonly spec?: Partial<PodSpec>;
  readonly status?: PodStatus;
  /** Thousandths of a core. */
  readonly want: number;
}

const requests = (cpu: string): object => ({ resources: { requests: { cpu } } });
const running = (actual: string, allocated: string) => ({
  containerStatuses: [
    {
      name: "c",
      image: "",
      imageID: "",
      ready: true,
      restartCount: 0,
      allocatedResources: { cpu: allocated },
      resources: { requests: { cpu: actual } },
    },
  ],
});

const cases: readonly Case[] = [
  { name: "the sum of the containers", cpu: "300m", want: 300 },
  {
    name: "an init container with the sidecars before it, when that is more",
    cpu: "300m",
    spec: {
      initContainers: [
        { name: "sidecar", image: "i", restartPolicy: "Always", ...requests("100m") },
        { name: "init", image: "i", ...requests("500m") },
      ],
      overhead: { cpu: "10m" },
    },
    want: 610,
  },
  {
    name: "the pod's own request instead",
    cpu: "300m",
    spec: { resources: { requests: { cpu: "1" } } },
    want: 1_000,
  },
  {
    name: "what a container shrinks from until it has shrunk",
    cpu: "300m",
    status: running("800m", "800m"),
    want: 800,
  },
  { name: "what a container is to grow to", cpu: "900m", status: running("300m", "300m"), want: 900 },
  {
    name: "what a container has when it can never grow",
    cpu: "900m",
    status: {
      ...running("300m", "300m"),
      conditions: [{ type: "PodResizePending", status: "True", reason: "Infeasible" }],
    },
    want: 300,
  },
  {
    name: "what the pod as a whole shrinks from",
    spec: { resources: { requests: { cpu: "1" } } },
    status: { resources: { requests: { cpu: "2" } }, allocatedResources: { cpu: "1500m" } },
    want: 2_000,
  },
];

for (const { name, cpu, spec, status, want } of cases) {
  test(`podRequests() is ${name}`, () => {
    const shape = { ...(cpu !== undefined && { cpu }), ...(spec !== undefined && { spec }) };
    const pod: Pod = { ...testPod("p", shape), ...(status !== undefined && { status }) };
    assert.equal(podRequests(pod, false).milliCPU, want);
  });
}

test("podRequests() gives containers that ask for nothing a floor, for spreading", () => {
  const { milliCPU, memory } = podRequests(testPod("p"), true);
  assert.deepEqual([milliCPU, memory], [100, 200 * 1024 * 1024]);
});
