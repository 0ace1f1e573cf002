import assert from "node:assert/strict";
import { test } from "node:test";
import { Deployments } from "#api/apps/v1/deployment";
import type { Deployment } from "#api/apps/v1/types.gen";
import { HorizontalPodAutoscalers } from "#api/autoscaling/v2/horizontalpodautoscaler";
import { dynamicKind } from "#client";
import {
  isNotFound,
  parseQuantity,
  parseTime,
  pause,
  quantityToNumber,
  reasonOf,
  systemClock,
  type KubeObject,
} from "#apimachinery";
import { startTestCluster } from "./test-cluster.ts";

const PodMetrics = dynamicKind({
  group: "metrics.k8s.io",
  version: "v1beta1",
  kind: "PodMetrics",
  plural: "pods",
  namespaced: true,
});
const metadata = { name: "web", namespace: "default" };
const labels = { app: "web" };
interface Measured {
  readonly name: string;
  readonly usage: { readonly cpu: string; readonly memory: string };
}
const isScaled = (web: Deployment | undefined): boolean => web?.spec?.replicas === 3;
const ASK_MS = 50;
const SETTLED_MS = 2000;

test("startTestCluster measures simulated pods, and autoscalers follow what they are said to use", async () => {
  await using cluster = await startTestCluster({ metricsResolutionMs: 100 });
  const { client, signal } = cluster;
  const template = {
    metadata: { labels, annotations: { "k8ts.io/simulated-cpu": "300m" } },
    spec: { containers: [{ name: "web", image: "v1", resources: { requests: { cpu: "200m" } } }] },
  };
  const spec = { replicas: 1, selector: { matchLabels: labels }, template };
  await client.create(Deployments, { apiVersion: "apps/v1", kind: "Deployment", metadata, spec }, signal);
  const [pod] = (await untilMeasured()) as readonly { readonly containers?: readonly Measured[] }[];
  const [container] = pod!.containers!;
  // Counters are whole nanoseconds: a rate between two of them is off by as many nanocores.
  assert.equal(Math.round(quantityToNumber(parseQuantity(container!.usage.cpu)) * 1e6), 300_000);
  assert.deepEqual([container!.name, container!.usage.memory], ["web", "16Mi"]);
  await client.create(
    HorizontalPodAutoscalers,
    {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata,
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
        maxReplicas: 5,
        metrics: [
          {
            type: "Resource",
            resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } },
          },
        ],
      },
    },
    signal,
  );
  // If it did not believe the first look, the next one is its period later.
  await cluster.waitFor(Deployments, metadata, isScaled, { timeoutMs: 60_000 });

  /** Metrics are not watched: they are asked for. An autoscaler believes none of the second in which a pod became ready. */
  async function untilMeasured(): Promise<readonly KubeObject[]> {
    let sinceMs: number | undefined;
    for (;;) {
      const items = await list();
      const [first] = items as readonly { readonly timestamp?: string }[];
      const atMs = first?.timestamp === undefined ? undefined : parseTime(first.timestamp);
      sinceMs ??= atMs;
      if (atMs !== undefined && sinceMs !== undefined && atMs >= sinceMs + SETTLED_MS) return items;
      await pause(systemClock, ASK_MS, signal);
      signal.throwIfAborted();
    }
  }

  /** Nothing while the server is about to begin. */
  async function list(): Promise<readonly KubeObject[]> {
    try {
      const options = { namespace: "default", labelSelector: "app=web" };
      return (await client.list(PodMetrics, options, signal)).items;
    } catch (err) {
      if (isNotFound(err) || reasonOf(err) === "ServiceUnavailable") return [];
      throw err;
    }
  }
});
