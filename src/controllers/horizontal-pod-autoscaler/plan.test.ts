import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTime } from "#apimachinery";
import type { HorizontalPodAutoscaler, MetricSpec } from "#api/autoscaling/v2/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { newPod, START_MS } from "../testing/objects.ts";
import { computeMetric } from "./compute-metric.ts";
import type { Usages } from "./metrics.ts";
import type { Plan } from "./plan.ts";
import { plan } from "./plan.ts";

const cpu: MetricSpec = {
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } },
};

function newAutoscaler(metrics: readonly MetricSpec[] = [cpu]): HorizontalPodAutoscaler {
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: "web", namespace: "default", uid: "uid-web" },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      minReplicas: 1,
      maxReplicas: 10,
      metrics,
    },
  };
}

/** Words are what a pod uses of the 1000m it requests; `?`: not known, `starting`: pending. */
function load(text: string): { readonly pods: readonly Pod[]; readonly usages: Usages } {
  const words = text.split(" ").filter(Boolean);
  const containers = [{ name: "c", resources: { requests: { cpu: "1" } } }];
  const startTime = formatTime(START_MS - 3_600_000);
  const pods = words.map((word, i) =>
    newPod(`p-${i}`, {
      spec: { containers },
      phase: word === "starting" ? "Pending" : "Running",
      readySince: startTime,
      status: { startTime },
    }),
  );
  const known = words.flatMap((word, i) => (/^\d+$/.test(word) ? [[`p-${i}`, Number(word)] as const] : []));
  const usages = known.map(([name, milli]) => [name, { atMs: START_MS, windowMs: 30_000, milli }] as const);
  return { pods, usages: new Map(usages) };
}

const proposals: readonly (readonly [string, string, number | string])[] = [
  ["keeps the number when the load is right", "500 500", 2],
  ["keeps the number within the tolerance", "540 540", 2],
  ["grows with the load", "1000 1000", 4],
  ["shrinks with the load", "100 100 100 100", 1],
  ["takes it that unknown pods are idle when it grows", "1000 ?", 2],
  ["takes it that unknown pods are busy when it shrinks", "100 100 ?", 3],
  ["does not count pods that start as busy", "1000 starting", 2],
  ["cannot tell anything without pods", "", "no pods returned by selector while calculating replica count"],
  [
    "cannot tell anything without metrics",
    "? ?",
    "did not receive metrics for targeted pods (pods might be unready)",
  ],
];

for (const [name, text, want] of proposals) {
  test(`computeMetric() ${name}`, () => {
    const { pods, usages } = load(text);
    const result = computeMetric(newAutoscaler(), cpu, pods.length, pods, usages, START_MS);
    if (typeof want === "number") assert.equal("replicas" in result && result.replicas, want);
    else assert.equal("error" in result && result.error, `failed to get cpu utilization: ${want}`);
  });
}

test("computeMetric() says what pods use now, and refuses metrics of unknown types", () => {
  const { pods, usages } = load("300 200");
  const result = computeMetric(newAutoscaler(), cpu, 2, pods, usages, START_MS);
  const current = { averageValue: "250m", averageUtilization: 25 };
  assert.deepEqual("status" in result && result.status, {
    type: "Resource",
    resource: { name: "cpu", current },
  });
  const spec = { type: "Rumour" };
  const other = computeMetric(newAutoscaler(), spec, 2, pods, usages, START_MS);
  assert.equal("reason" in other && other.reason, "InvalidMetricSourceType");
});

const appCPU = { name: "cpu", container: "app" };
const appMetric: MetricSpec = {
  type: "ContainerResource",
  containerResource: { ...appCPU, target: { type: "Utilization", averageUtilization: 50 } },
};

test("computeMetric() weighs a container's use against that container's request alone", () => {
  const { pods, usages } = load("200 200");
  const containers = [
    { name: "app", resources: { requests: { cpu: "200m" } } },
    { name: "sidecar", resources: { requests: { cpu: "1" } } },
  ];
  const both = pods.map((pod) => ({ ...pod, spec: { ...pod.spec, containers } }));
  assert.deepEqual(computeMetric(newAutoscaler(), appMetric, 2, both, usages, START_MS), {
    replicas: 4,
    name: "cpu container resource utilization (percentage of request)",
    status: {
      type: "ContainerResource",
      containerResource: { ...appCPU, current: { averageValue: "200m", averageUtilization: 100 } },
    },
  });
  const target = { type: "AverageValue", averageValue: "100m" };
  const byValue: MetricSpec = { type: "ContainerResource", containerResource: { ...appCPU, target } };
  const result = computeMetric(newAutoscaler(), byValue, 2, both, usages, START_MS);
  assert.deepEqual("name" in result && [result.replicas, result.name], [4, "cpu resource"]);
});

test("computeMetric() names the container whose metrics are missing", () => {
  const { pods } = load("200");
  const result = computeMetric(newAutoscaler(), appMetric, 1, pods, new Error("none"), START_MS);
  const error = "failed to get cpu utilization: unable to get metrics for resource cpu: none";
  assert.deepEqual(result, {
    reason: "FailedGetContainerResourceMetric",
    error,
    context: `failed to get app container metric value: ${error}`,
  });
});

function run(text: string, current: number, metrics: readonly MetricSpec[] = [cpu], failure?: Error): Plan {
  const hpa = newAutoscaler(metrics);
  const { pods, usages } = load(text);
  const results = metrics.map((spec) => computeMetric(hpa, spec, current, pods, failure ?? usages, START_MS));
  return plan(hpa, {
    current,
    metrics: results,
    memory: { recommendations: [], changes: [] },
    nowMs: START_MS,
  });
}

function conditionsOf({ status }: Plan): readonly string[] {
  return (status.conditions ?? []).map(({ type, status: s, reason }) => `${type}=${s}/${reason}`);
}

test("plan() scales up, and tells why", () => {
  const p = run("1000 1000", 2);
  assert.deepEqual([p.scaleTo, p.status.desiredReplicas, p.status.currentReplicas], [4, 4, 2]);
  assert.deepEqual(conditionsOf(p), [
    "AbleToScale=True/SucceededRescale",
    "ScalingActive=True/ValidMetricFound",
    "ScalingLimited=False/DesiredWithinRange",
  ]);
  assert.deepEqual(
    p.events.map(({ message }) => message),
    ["New size: 4; reason: cpu resource utilization (percentage of request) above target"],
  );
});

test("plan() does not shrink from what it has just found", () => {
  const p = run("100 100 100", 3);
  assert.equal(p.scaleTo, undefined);
  assert.equal(conditionsOf(p)[0], "AbleToScale=True/ScaleDownStabilized");
});

test("plan() leaves everything as it is while metrics are missing", () => {
  const failure = new Error(
    "unable to fetch metrics from resource metrics API: the server could not find the requested resource",
  );
  const p = run("100 100", 2, [cpu], failure);
  assert.equal(p.scaleTo, undefined);
  assert.deepEqual(conditionsOf(p), [
    "AbleToScale=True/SucceededGetScale",
    "ScalingActive=False/FailedGetResourceMetric",
  ]);
  const why = `unable to get metrics for resource cpu: ${failure.message}`;
  assert.deepEqual(
    p.events.map(({ reason, message }) => `${reason}: ${message}`),
    [
      `FailedGetResourceMetric: failed to get cpu utilization: ${why}`,
      `FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: failed to get cpu utilization: ${why}`,
    ],
  );
});

const bounded: readonly (readonly [number, number | undefined, string])[] = [
  [0, undefined, "ScalingActive=False/ScalingDisabled"],
  [12, 10, "AbleToScale=True/SucceededRescale"],
];

for (const [current, want, condition] of bounded) {
  test(`plan() does not ask metrics about ${current} replicas`, () => {
    const p = run("", current, []);
    assert.equal(p.scaleTo, want);
    assert.equal(conditionsOf(p).at(-1), condition);
  });
}
