/** A Deployment in a cluster of the test's own. Run it: node --test examples/testing/deployment.test.ts */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Deployments } from "#api/apps/v1/deployment";
import { Pods } from "#api/core/v1/pod";
import { startTestCluster } from "#testing";

test("a deployment of three rolls out over two nodes", async () => {
  await using cluster = await startTestCluster({ nodes: 2 });
  const { client, signal } = cluster;
  const ref = { namespace: "default", name: "web" };
  const labels = { app: "web" };
  await client.create(
    Deployments,
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: ref,
      spec: {
        replicas: 3,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: "web", image: "demo/web:1" }] } },
      },
    },
    signal,
  );
  await cluster.waitFor(Deployments, ref, (web) => web?.status?.readyReplicas === 3);
  const pods = await client.list(Pods, { namespace: "default", labelSelector: "app=web" }, signal);
  assert.equal(new Set(pods.items.map((pod) => pod.spec?.nodeName)).size, 2);
});
