import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "#apimachinery";
import { Deployments } from "#api/apps/v1/deployment";
import { HorizontalPodAutoscalers } from "#api/autoscaling/v2/horizontalpodautoscaler";
import type { HorizontalPodAutoscaler } from "#api/autoscaling/v2/types.gen";
import { Events } from "#api/core/v1/event";
import { Pods } from "#api/core/v1/pod";
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
