import assert from "node:assert/strict";
import { test } from "node:test";
import type { HorizontalPodAutoscaler } from "#api/autoscaling/v2/types.gen";
import { newPod, START_MS } from "../testing/objects.ts";
import { computeExternalMetric, computeObjectMetric, computePodsMetric } from "./compute-custom-metric.ts";
import { selectorText } from "./custom-metrics.ts";
import type { MetricResult } from "./plan.ts";

const hpa: HorizontalPodAutoscaler = {
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name: "h", namespace: "default" },
  spec: { maxReplicas: 10, scaleTargetRef: { kind: "Deployment", name: "web" } },
};
const pods = [newPod("a"), newPod("b")];
const state = { current: 2, observed: 2, pods, nowMs: START_MS };
const usage = (milli: number) => ({ atMs: START_MS, windowMs: 60_000, milli });
const metric = { name: "qps" };
const averaged = { metric, target: { type: "AverageValue", averageValue: "10" } };
const valued = { metric, target: { type: "Value", value: "10" } };
const describedObject = { apiVersion: "v1", kind: "Service", name: "s" };

const tell = (result: MetricResult): string =>
  "replicas" in result ? `${result.replicas} ${result.name}` : `${result.reason}: ${result.context}`;

test("computePodsMetric() averages over the pods", () => {
  const usages = new Map([
    ["a", usage(20_000)],
    ["b", usage(10_000)],
  ]);
  const result = computePodsMetric(hpa, averaged, state, usages);
  assert.equal(tell(result), "3 pods metric qps");
  assert.deepEqual("status" in result && result.status.pods?.current, { averageValue: "15" });
  assert.equal(
    tell(computePodsMetric(hpa, averaged, state, new Error("gone"))),
    "FailedGetPodsMetric: failed to get pods metric value: unable to get metric qps: gone",
  );
});

test("computeObjectMetric() scales by ratio, or per pod", () => {
  assert.equal(
    tell(computeObjectMetric(hpa, { ...valued, describedObject }, state, 20_000)),
    "4 Service metric qps",
  );
  assert.equal(
    tell(computeObjectMetric(hpa, { ...valued, describedObject }, state, 10_900)),
    "2 Service metric qps",
  );
  assert.equal(
    tell(computeObjectMetric(hpa, { ...averaged, describedObject }, state, 45_000)),
    "5 external metric qps(nil)",
  );
  assert.equal(
    tell(computeObjectMetric(hpa, { ...valued, describedObject }, state, new Error("gone"))),
    "FailedGetObjectMetric: failed to get object metric value: unable to get metric qps: Service on default s/gone",
  );
});

test("computeExternalMetric() scales by ratio, or per pod, within the tolerance that is set", () => {
  assert.equal(tell(computeExternalMetric(hpa, valued, state, 15_000)), "3 external metric qps(nil)");
  const tolerant = { ...hpa, spec: { ...hpa.spec, behavior: { scaleUp: { tolerance: "0.6" } } } };
  assert.equal(tell(computeExternalMetric(tolerant, valued, state, 15_000)), "2 external metric qps(nil)");
  assert.equal(tell(computeExternalMetric(hpa, averaged, state, 45_000)), "5 external metric qps(nil)");
  const labelled = { ...averaged, metric: { name: "qps", selector: { matchLabels: { queue: "q" } } } };
  assert.equal(
    tell(computeExternalMetric(hpa, labelled, state, 20_000)),
    "2 external metric qps(&LabelSelector{MatchLabels:map[string]string{queue: q,},MatchExpressions:[]LabelSelectorRequirement{},})",
  );
  assert.equal(
    tell(computeExternalMetric(hpa, averaged, state, new Error("gone"))),
    "FailedGetExternalMetric: failed to get qps external metric value: failed to get qps external metric: unable to get external metric default/qps/nil: gone",
  );
});

test("selectorText() writes a selector as queries have it", () => {
  const matchExpressions = [
    { key: "b", operator: "In", values: ["y", "x"] },
    { key: "a", operator: "DoesNotExist" },
  ];
  assert.equal(selectorText({ matchLabels: { c: "d" }, matchExpressions }), "!a,b in (x,y),c=d");
  assert.equal(selectorText(undefined), undefined);
});
