import assert from "node:assert/strict";
import { test } from "node:test";
import { podLimits, podRequests } from "./pod-resources.ts";
import { computeQosClass } from "./qos.ts";
import type { Container, PodSpec } from "./types.gen.ts";

const container = (
  name: string,
  requests: Record<string, string>,
  rest: Partial<Container> = {},
): Container => ({
  name,
  resources: { requests },
  ...rest,
});

test("podRequests adds containers, sidecars and overhead, and counts the highest moment of the start", () => {
  const spec: PodSpec = {
    initContainers: [
      container("big", { cpu: "2" }),
      container("side", { cpu: "100m" }, { restartPolicy: "Always" }),
      container("late", { cpu: "1" }),
    ],
    containers: [container("a", { cpu: "500m", memory: "1Gi" }), container("b", { cpu: "1" })],
    overhead: { cpu: "50m" },
  };
  assert.deepEqual(podRequests(spec), { cpu: "2050m", memory: "1Gi" });
});

test("podRequests lets the pod's own requests decide", () => {
  const spec: PodSpec = { containers: [container("a", { cpu: "1" })], resources: { requests: { cpu: "3" } } };
  assert.deepEqual(podRequests(spec), { cpu: "3" });
});

test("podLimits gives overhead no limit of its own", () => {
  const spec: PodSpec = {
    containers: [{ name: "a", resources: { limits: { cpu: "1" } } }],
    overhead: { cpu: "100m", memory: "1Mi" },
  };
  assert.deepEqual(podLimits(spec), { cpu: "1100m" });
});

const qos = (...resources: readonly NonNullable<Container["resources"]>[]): string =>
  computeQosClass({ containers: resources.map((r, i) => ({ name: `c${i}`, resources: r })) });

test("computeQosClass sorts pods by what they ask for", () => {
  const both = { cpu: "1", memory: "1Gi" };
  assert.equal(qos({}), "BestEffort");
  assert.equal(qos({ requests: { "example.com/gpu": "1" } }), "BestEffort");
  assert.equal(qos({ requests: { cpu: "0" } }), "BestEffort");
  assert.equal(qos({ limits: both, requests: both }), "Guaranteed");
  assert.equal(qos({ limits: both, requests: both }, {}), "Burstable");
  assert.equal(qos({ limits: both, requests: { ...both, cpu: "500m" } }), "Burstable");
  assert.equal(qos({ limits: { cpu: "1" }, requests: { cpu: "1" } }), "Burstable");
});
