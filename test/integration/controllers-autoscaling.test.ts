import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "#apimachinery";
import { Deployments } from "#api/apps/v1/deployment";
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import { HorizontalPodAutoscalers } from "#api/autoscaling/v2/horizontalpodautoscaler";
import type { HorizontalPodAutoscaler } from "#api/autoscaling/v2/types.gen";
import { Events } from "#api/core/v1/event";
import { Pods } from "#api/core/v1/pod";
import { dynamicKind } from "#client";
import { startCluster } from "./controllers-cluster.ts";

const WATCHED = [HorizontalPodAutoscalers, Deployments, Pods, Events] as unknown as Kind[];
const metadata = { name: "web", namespace: "default" };

test("an autoscaler keeps within its bounds, and says that metrics are missing", async () => {
  await using cluster = await startCluster(WATCHED);
  const { client, informers, signal } = cluster;
  const labels = { app: "web" };
  const containers = [{ name: "web", image: "v1", resources: { requests: { cpu: "100m" } } }];
  const spec = {
    replicas: 1,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers } },
  };
  await client.create(Deployments, { apiVersion: "apps/v1", kind: "Deployment", metadata, spec }, signal);
  const hpa: HorizontalPodAutoscaler = {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata,
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      minReplicas: 3,
      maxReplicas: 5,
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } },
        },
      ],
    },
  };
  await client.create(HorizontalPodAutoscalers, hpa, signal);
  await cluster.until(
    "there are three",
    WATCHED,
    () => informers.lister(Deployments).get("default/web")?.status?.readyReplicas === 3,
  );
  const scaled = await cluster.until("it says so", WATCHED, () => {
    const found = informers.lister(HorizontalPodAutoscalers).get("default/web");
    return found?.status?.desiredReplicas === 3 && found;
  });
  assert.equal(scaled.status?.conditions?.[0]?.reason, "SucceededRescale");
  const body = { spec: { maxReplicas: 6 } };
  await client.patch(HorizontalPodAutoscalers, metadata, { type: "merge", body }, signal);
  const event = await cluster.until("it misses its metrics", WATCHED, () =>
    informers
      .lister(Events)
      .list("default")
      .find(({ reason }) => reason === "FailedGetResourceMetric"),
  );
  assert.match(event.message ?? "", /unable to fetch metrics from resource metrics API/);
  assert.deepEqual(cluster.errors, []);
});

const webAutoscaler = (name: string): HorizontalPodAutoscaler => ({
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name, namespace: "default" },
  spec: {
    scaleTargetRef: { apiVersion: "example.com/v1", kind: "Web", name: "web" },
    minReplicas: 3,
    maxReplicas: 5,
    metrics: [
      {
        type: "Resource",
        resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } },
      },
    ],
  },
});

test("an autoscaler scales custom resources, and says when another one scales the same pods", async () => {
  await using cluster = await startCluster([...WATCHED, CustomResourceDefinitions as unknown as Kind]);
  const { client, informers, signal } = cluster;
  const names = { plural: "webs", singular: "web", kind: "Web", listKind: "WebList" };
  const any = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const scale = { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" };
  const version = {
    name: "v1",
    served: true,
    storage: true,
    schema: { openAPIV3Schema: { type: "object", properties: { spec: any, status: any } } },
    subresources: { status: {}, scale: { ...scale, labelSelectorPath: ".status.selector" } },
  };
  const definition = {
    apiVersion: "apiextensions.k8s.io/v1" as const,
    kind: "CustomResourceDefinition" as const,
    metadata: { name: "webs.example.com" },
    spec: { group: "example.com", scope: "Namespaced", names, versions: [version] },
  };
  await client.create(CustomResourceDefinitions, definition, signal);
  await cluster.until("it is established", [CustomResourceDefinitions] as unknown as Kind[], () =>
    informers
      .lister(CustomResourceDefinitions)
      .get("webs.example.com")
      ?.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True"),
  );
  const Webs = dynamicKind({
    group: "example.com",
    version: "v1",
    kind: "Web",
    plural: "webs",
    namespaced: true,
  });
  const web = { apiVersion: "example.com/v1", kind: "Web", metadata, spec: { replicas: 1 } };
  const made = await client.create(Webs, web, signal);
  const status = { replicas: 1, selector: "app=web" };
  await client.updateStatus(Webs, { ...made, status }, signal);
  const pod = {
    metadata: { ...metadata, labels: { app: "web" } },
    spec: { containers: [{ name: "a", image: "v1" }] },
  };
  await client.create(Pods, { apiVersion: "v1", kind: "Pod", ...pod }, signal);
  await client.create(HorizontalPodAutoscalers, webAutoscaler("one"), signal);
  const condition = (name: string, type: string): string | undefined =>
    informers
      .lister(HorizontalPodAutoscalers)
      .get(`default/${name}`)
      ?.status?.conditions?.find((one) => one.type === type)?.reason;
  await cluster.until("it is scaled", WATCHED, () => condition("one", "AbleToScale") === "SucceededRescale");
  const scaled = (await client.get(Webs, metadata, signal)) as {
    readonly spec?: { readonly replicas?: number };
  };
  assert.equal(scaled.spec?.replicas, 3);
  // its next look, for which a change of the spec is reason enough, finds the selector
  const body = { spec: { maxReplicas: 6 } };
  await client.patch(
    HorizontalPodAutoscalers,
    webAutoscaler("one").metadata,
    { type: "merge", body },
    signal,
  );
  await cluster.until("it looks again", WATCHED, () => condition("one", "ScalingActive") !== undefined);
  await client.create(HorizontalPodAutoscalers, webAutoscaler("two"), signal);
  await cluster.until(
    "the other is told",
    WATCHED,
    () => condition("two", "ScalingActive") === "AmbiguousSelector",
  );
});
