/** What controllers do with custom resources: quotas count them, disruption budgets ask for their scale. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind, KubeObject } from "#apimachinery";
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import { Events } from "#api/core/v1/event";
import { Pods } from "#api/core/v1/pod";
import { ResourceQuotas } from "#api/core/v1/resourcequota";
import { PodDisruptionBudgets } from "#api/policy/v1/poddisruptionbudget";
import { dynamicKind } from "#client";
import { startCluster } from "./controllers-cluster.ts";

const WATCHED = [
  CustomResourceDefinitions,
  ResourceQuotas,
  PodDisruptionBudgets,
  Pods,
  Events,
] as unknown as Kind[];
const names = { plural: "fleets", singular: "fleet", kind: "Fleet", listKind: "FleetList" };
const Fleets = dynamicKind({
  group: "example.com",
  version: "v1",
  kind: names.kind,
  plural: names.plural,
  namespaced: true,
}) as unknown as Kind;

function definition(): KubeObject {
  const schema = {
    openAPIV3Schema: {
      type: "object",
      properties: {
        spec: { type: "object", properties: { replicas: { type: "integer" } } },
        status: { type: "object", properties: { replicas: { type: "integer" } } },
      },
    },
  };
  const scale = { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" };
  const version = {
    name: "v1",
    served: true,
    storage: true,
    schema,
    subresources: { scale },
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "fleets.example.com" },
    spec: { group: "example.com", scope: "Namespaced", names, versions: [version] },
  } as KubeObject;
}

function fleet(name: string, replicas: number): KubeObject {
  return {
    apiVersion: "example.com/v1",
    kind: "Fleet",
    metadata: { name, namespace: "default" },
    spec: { replicas },
  } as KubeObject;
}

test("controllers count custom resources, and ask for their scale", async () => {
  await using cluster = await startCluster(WATCHED);
  const { client, informers, signal } = cluster;
  await client.create(CustomResourceDefinitions, definition() as never, signal);
  await cluster.until("the definition is established", WATCHED, () =>
    informers
      .lister(CustomResourceDefinitions)
      .get("fleets.example.com")
      ?.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True"),
  );
  const owner = await client.create(Fleets, fleet("a", 4), signal);
  const quota = {
    apiVersion: "v1" as const,
    kind: "ResourceQuota" as const,
    metadata: { name: "fleets", namespace: "default" },
    spec: { hard: { "count/fleets.example.com": "2" } },
  };
  await client.create(ResourceQuotas, quota, signal);
  const used = (count: string) =>
    cluster.until(`${count} are counted`, WATCHED, () => {
      const found = informers.lister(ResourceQuotas).get("default/fleets")?.status?.used;
      return found?.["count/fleets.example.com"] === count;
    });
  await used("1");
  await client.create(Fleets, fleet("b", 1), signal);
  await assert.rejects(client.create(Fleets, fleet("c", 1), signal), /exceeded quota: fleets/);
  await client.delete(Fleets, { namespace: "default", name: "b" }, signal);
  await used("1");

  const labels = { app: "fleet" };
  const selector = { matchLabels: labels };
  for (const name of ["pdb", "other"]) {
    await client.create(
      PodDisruptionBudgets,
      {
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        metadata: { name, namespace: "default" },
        spec: { selector, maxUnavailable: 1 },
      },
      signal,
    );
  }
  const ownerReferences = [
    { apiVersion: "example.com/v1", kind: "Fleet", name: "a", uid: owner.metadata.uid!, controller: true },
  ];
  await client.create(
    Pods,
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", namespace: "default", labels, ownerReferences },
      spec: { containers: [{ name: "c", image: "v1" }] },
    },
    signal,
  );
  await cluster.until("the budget knows the scale", WATCHED, () => {
    const status = informers.lister(PodDisruptionBudgets).get("default/pdb")?.status;
    return status?.expectedPods === 4 && status.desiredHealthy === 3;
  });
  await cluster.until("it is told that two budgets select the pod", WATCHED, () =>
    informers
      .lister(Events)
      .list("default")
      .some(({ reason }) => reason === "MultiplePodDisruptionBudgets"),
  );
  assert.deepEqual(cluster.errors, []);
});
