import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "#apimachinery";
import { HorizontalPodAutoscalers as V1 } from "./autoscaling/v1/horizontalpodautoscaler.ts";
import { HorizontalPodAutoscalers as V2 } from "./autoscaling/v2/horizontalpodautoscaler.ts";
import type { HorizontalPodAutoscaler } from "./autoscaling/v2/types.gen.ts";
import { Pods } from "./core/v1/pod.ts";
import type { Event } from "./core/v1/types.gen.ts";
import { scheme } from "./scheme.ts";
import { compareVersions } from "./version-priority.ts";

const byResource = (group: string, version: string, plural: string) =>
  scheme.byResource(group, version, plural)!;

test("scheme finds kinds by GVK, by resource and by object", () => {
  assert.equal(scheme.byGvk({ group: "", version: "v1", kind: "Pod" }), Pods);
  assert.equal(scheme.byResource("", "v1", "pods"), Pods);
  assert.equal(scheme.kindOf({ apiVersion: "v1", kind: "Pod" }), Pods);
  assert.equal(scheme.byResource("", "v1", "pod"), undefined);
});

test("scheme prefers the newest stable version of a group", () => {
  assert.deepEqual(scheme.versionsOf("autoscaling"), ["v2", "v1"]);
  assert.equal(scheme.preferredVersionOf("apps"), "v1");
  assert.deepEqual(scheme.versionsOf("example.com"), []);
  assert.equal(scheme.groups[0], "");
});

test("compareVersions orders as discovery does", () => {
  const versions = ["v1alpha1", "foo", "v1beta2", "v10", "v1", "v2", "v1beta1"];
  assert.deepEqual(versions.toSorted(compareVersions), [
    "v10",
    "v2",
    "v1",
    "v1beta2",
    "v1beta1",
    "v1alpha1",
    "foo",
  ]);
});

test("scheme.storedAs names the version that objects are stored in", () => {
  assert.equal(scheme.storedAs(byResource("autoscaling", "v1", "horizontalpodautoscalers")), V2);
  assert.equal(scheme.storedAs(byResource("autoscaling", "v2", "horizontalpodautoscalers")), V2);
  assert.equal(scheme.storedAs(byResource("events.k8s.io", "v1", "events")).group, "");
});

const hpa: HorizontalPodAutoscaler = {
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name: "h", namespace: "d" },
  spec: {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" },
    minReplicas: 2,
    maxReplicas: 5,
    metrics: [
      {
        type: "Pods",
        pods: { metric: { name: "rps" }, target: { type: "AverageValue", averageValue: "10" } },
      },
      {
        type: "Resource",
        resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 60 } },
      },
    ],
    behavior: { scaleDown: { stabilizationWindowSeconds: 60 } },
  },
  status: {
    currentReplicas: 1,
    desiredReplicas: 2,
    currentMetrics: [
      {
        type: "Resource",
        resource: { name: "cpu", current: { averageUtilization: 42, averageValue: "420m" } },
      },
    ],
    conditions: [{ type: "AbleToScale", status: "True" }],
  },
};

test("scheme.convert carries a v2 autoscaler through v1 without loss", () => {
  const v1 = scheme.convert(hpa, byResource("autoscaling", "v1", "horizontalpodautoscalers"));
  assert.equal(v1.apiVersion, "autoscaling/v1");
  assert.equal(
    (v1 as unknown as { spec: Record<string, unknown> }).spec["targetCPUUtilizationPercentage"],
    60,
  );
  assert.equal(
    v1.metadata.annotations?.["autoscaling.alpha.kubernetes.io/metrics"],
    '[{"type":"Pods","pods":{"metricName":"rps","targetAverageValue":"10"}}]',
  );
  assert.deepEqual(scheme.convert(v1, byResource("autoscaling", "v2", "horizontalpodautoscalers")), hpa);
});

test("scheme.convert ignores annotations that are broken", () => {
  const annotations = {
    "autoscaling.alpha.kubernetes.io/metrics": "{",
    "autoscaling.alpha.kubernetes.io/conditions": "3",
  };
  const object = {
    apiVersion: "autoscaling/v1",
    kind: V1.kind,
    metadata: { name: "h", annotations },
    spec: { maxReplicas: 1, scaleTargetRef: { kind: "D", name: "d" } },
    status: { currentReplicas: 0, desiredReplicas: 0 },
  };
  const v2 = scheme.convert(object, byResource("autoscaling", "v2", "horizontalpodautoscalers"));
  assert.equal(v2.metadata.annotations, undefined);
});

test("scheme.convert shows a core event as events.k8s.io does", () => {
  const event: Event = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "e", namespace: "d" },
    involvedObject: { kind: "Pod", name: "p" },
    reason: "Killing",
    message: "Stopping container c",
    source: { component: "kubelet" },
    firstTimestamp: "2026-01-01T00:00:00Z",
    lastTimestamp: "2026-01-01T00:00:00Z",
    count: 2,
    type: "Normal",
  };
  const view = scheme.convert(event, byResource("events.k8s.io", "v1", "events")) as unknown as Record<
    string,
    unknown
  >;
  assert.deepEqual(view["regarding"], { kind: "Pod", name: "p" });
  assert.equal(view["note"], "Stopping container c");
  assert.equal(view["deprecatedCount"], 2);
  assert.deepEqual(scheme.convert(view as never, byResource("", "v1", "events")), event);
});

test("scheme.convert refuses what are no versions of one object", () => {
  assert.throws(
    () =>
      scheme.convert(
        { apiVersion: "v1", kind: "Pod", metadata: { name: "p" } },
        byResource("apps", "v1", "deployments"),
      ),
    StatusError,
  );
});
