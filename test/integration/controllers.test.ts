import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Kind, KubeObject, ObjectMeta } from "#apimachinery";
import { Deployments } from "#api/apps/v1/deployment";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import type { Deployment, ReplicaSet } from "#api/apps/v1/types.gen";
import { Jobs } from "#api/batch/v1/job";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Endpoints } from "#api/core/v1/endpoints";
import { Events } from "#api/core/v1/event";
import { Namespaces } from "#api/core/v1/namespace";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { Services } from "#api/core/v1/service";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import type { Pod } from "#api/core/v1/types.gen";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import type { Cluster } from "./controllers-cluster.ts";
import { startCluster } from "./controllers-cluster.ts";

const ALL = [
  Deployments,
  ReplicaSets,
  Pods,
  Services,
  EndpointSlices,
  Endpoints,
  ConfigMaps,
  ServiceAccounts,
  Namespaces,
  Nodes,
  Events,
  Jobs,
] as unknown as Kind[];
const WORKLOADS = [Deployments, ReplicaSets, Pods] as unknown as Kind[];

let cluster: Cluster;
before(async () => {
  cluster = await startCluster(ALL);
});
after(async () => {
  await cluster[Symbol.asyncDispose]();
  assert.deepEqual(cluster.errors, []);
});

function deployment(namespace: string, replicas: number, image: string): Deployment {
  const labels = { app: "web" };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "web", image }] } },
    },
  };
}

async function newNamespace(name: string): Promise<string> {
  await cluster.client.create(
    Namespaces,
    { apiVersion: "v1", kind: "Namespace", metadata: { name } },
    cluster.signal,
  );
  return name;
}

const podsOf = (namespace: string): readonly Pod[] => cluster.informers.lister(Pods).list(namespace);
const setsOf = (namespace: string): readonly ReplicaSet[] =>
  cluster.informers.lister(ReplicaSets).list(namespace);

/** What `kubectl rollout status` waits for. */
function rolledOut(namespace: string): Promise<Deployment> {
  return cluster.until(`the rollout in ${namespace} is complete`, WORKLOADS, () => {
    const d = cluster.informers.lister(Deployments).get(`${namespace}/web`);
    const {
      replicas = 0,
      updatedReplicas = 0,
      availableReplicas = 0,
      observedGeneration = 0,
    } = d?.status ?? {};
    const desired = d?.spec?.replicas ?? 0;
    const isDone = updatedReplicas === desired && replicas === desired && availableReplicas === desired;
    return isDone && observedGeneration >= (d?.metadata.generation ?? 0) && d;
  });
}

/** Resolves when the cache shows the change. */
async function change(namespace: string, spec: Readonly<Record<string, unknown>>): Promise<void> {
  const { client, informers, signal } = cluster;
  const ref = { namespace, name: "web" };
  const { metadata } = await client.patch(Deployments, ref, { type: "strategic", body: { spec } }, signal);
  await cluster.until("the change is seen", WORKLOADS, () => {
    const seen = informers.lister(Deployments).get(`${namespace}/web`);
    return (seen?.metadata.generation ?? 0) >= (metadata.generation ?? 0);
  });
}

const image = (name: string): Readonly<Record<string, unknown>> => ({
  template: { spec: { containers: [{ name: "web", image: name }] } },
});

test("a deployment rolls out, scales, changes its image and goes back", async () => {
  const namespace = await newNamespace("rollout");
  await cluster.client.create(Deployments, deployment(namespace, 3, "v1"), cluster.signal);
  const first = await rolledOut(namespace);
  assert.equal(first.metadata.annotations?.["deployment.kubernetes.io/revision"], "1");
  assert.deepEqual(
    first.status?.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`).toSorted(),
    ["Available=True MinimumReplicasAvailable", "Progressing=True NewReplicaSetAvailable"],
  );
  const hash = setsOf(namespace)[0]?.metadata.labels?.["pod-template-hash"];
  assert.equal(setsOf(namespace)[0]?.metadata.name, `web-${hash}`);
  assert.ok(podsOf(namespace).every(({ metadata }) => metadata.name.startsWith(`web-${hash}-`)));

  await change(namespace, { replicas: 5 });
  await rolledOut(namespace);
  assert.equal(
    podsOf(namespace).filter(({ metadata }) => metadata.deletionTimestamp === undefined).length,
    5,
  );

  await change(namespace, image("v2"));
  const second = await rolledOut(namespace);
  assert.equal(second.metadata.annotations?.["deployment.kubernetes.io/revision"], "2");
  await cluster.until("the old pods are gone", WORKLOADS, () => podsOf(namespace).length === 5);
  assert.ok(podsOf(namespace).every(({ spec }) => spec?.containers[0]?.image === "v2"));
  assert.deepEqual(
    setsOf(namespace)
      .map(({ spec }) => spec?.replicas ?? 0)
      .toSorted((a, b) => a - b),
    [0, 5],
  );

  await change(namespace, image("v1"));
  const third = await rolledOut(namespace);
  assert.equal(third.metadata.annotations?.["deployment.kubernetes.io/revision"], "3");
  const current = setsOf(namespace).find(({ spec }) => spec?.replicas === 5);
  assert.equal(current?.metadata.annotations?.["deployment.kubernetes.io/revision-history"], "1");
  assert.equal(setsOf(namespace).length, 2);
});

test("a replica set replaces pods that are deleted, and tells of it", async () => {
  const namespace = await newNamespace("replace");
  await cluster.client.create(Deployments, deployment(namespace, 2, "v1"), cluster.signal);
  await rolledOut(namespace);
  const victim = podsOf(namespace)[0]!;
  await cluster.client.delete(Pods, victim.metadata, cluster.signal);
  await cluster.until("another pod is ready", WORKLOADS, () => {
    const names = podsOf(namespace).map(({ metadata }) => metadata.name);
    return names.length === 2 && !names.includes(victim.metadata.name) && names;
  });
  const message = `Created pod: ${victim.metadata.name}`;
  const event = await cluster.until("the event is there", ALL, () =>
    cluster.informers
      .lister(Events)
      .list(namespace)
      .find((candidate) => candidate.message === message),
  );
  assert.deepEqual(
    [event.reason, event.type, event.source?.component],
    ["SuccessfulCreate", "Normal", "replicaset-controller"],
  );
});

test("a service has endpoints for its ready pods, in both shapes", async () => {
  const namespace = await newNamespace("service");
  await cluster.client.create(Deployments, deployment(namespace, 2, "v1"), cluster.signal);
  const spec = { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }] };
  await cluster.client.create(
    Services,
    { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace }, spec },
    cluster.signal,
  );
  await rolledOut(namespace);
  const ips = podsOf(namespace)
    .map(({ status }) => status?.podIP ?? "")
    .toSorted();
  const slices = cluster.informers.lister(EndpointSlices);
  await cluster.until("the slice is complete", ALL, () => {
    const [slice] = slices.list(namespace);
    const ready = (slice?.endpoints ?? []).filter(({ conditions }) => conditions?.ready === true);
    return JSON.stringify(ready.map(({ addresses }) => addresses.join()).toSorted()) === JSON.stringify(ips);
  });
  assert.equal(slices.list(namespace).length, 1);
  assert.match(slices.list(namespace)[0]!.metadata.name, /^web-[a-z0-9]{5}$/);
  await cluster.until("the endpoints are complete", ALL, () => {
    const [subset] = cluster.informers.lister(Endpoints).get(`${namespace}/web`)?.subsets ?? [];
    return JSON.stringify(subset?.addresses?.map(({ ip }) => ip).toSorted()) === JSON.stringify(ips);
  });
  await cluster.client.delete(Services, { namespace, name: "web" }, cluster.signal);
  await cluster.until("both are gone", ALL, () => {
    const endpoints = cluster.informers.lister(Endpoints).get(`${namespace}/web`);
    return slices.list(namespace).length === 0 && endpoints === undefined;
  });
});

test("a namespace gets its service account and the root certificate", async () => {
  const namespace = await newNamespace("basics");
  await cluster.until("both are there", ALL, () => {
    const account = cluster.informers.lister(ServiceAccounts).get(`${namespace}/default`);
    const published = cluster.informers.lister(ConfigMaps).get(`${namespace}/kube-root-ca.crt`);
    return account !== undefined && published?.data?.["ca.crt"] === "CA";
  });
});

test("a node gets its pod CIDR", async () => {
  const node = await cluster.until("it has one", ALL, () => {
    const candidate = cluster.informers.lister(Nodes).get("node-1");
    return candidate?.spec?.podCIDR !== undefined && candidate;
  });
  assert.deepEqual(node.spec?.podCIDRs, ["10.244.0.0/24"]);
});

test("deleting in the background takes the owner first and then everything below it", async () => {
  const namespace = await newNamespace("background");
  await cluster.client.create(Deployments, deployment(namespace, 2, "v1"), cluster.signal);
  await rolledOut(namespace);
  await cluster.client.delete(Deployments, { namespace, name: "web" }, cluster.signal, {
    propagationPolicy: "Background",
  });
  await cluster.until(
    "nothing is left",
    WORKLOADS,
    () => setsOf(namespace).length + podsOf(namespace).length === 0,
  );
});

test("deleting in the foreground takes the owner last", async () => {
  const namespace = await newNamespace("foreground");
  await cluster.client.create(Deployments, deployment(namespace, 2, "v1"), cluster.signal);
  await rolledOut(namespace);
  const order: string[] = [];
  const removers = WORKLOADS.map((kind) =>
    cluster.informers.informer(kind).addEventHandler({
      onDelete: (object) => void (object.metadata.namespace === namespace && order.push(object.kind)),
    }),
  );
  await cluster.client.delete(Deployments, { namespace, name: "web" }, cluster.signal, {
    propagationPolicy: "Foreground",
  });
  await cluster.until("nothing is left", WORKLOADS, () => order.includes("Deployment"));
  removers.forEach((remove) => remove());
  assert.deepEqual(order, ["Pod", "Pod", "ReplicaSet", "Deployment"]);
});

test("deleting as orphan leaves what is below, and a new owner adopts it", async () => {
  const namespace = await newNamespace("orphan");
  await cluster.client.create(Deployments, deployment(namespace, 2, "v1"), cluster.signal);
  await rolledOut(namespace);
  const [set] = setsOf(namespace);
  await cluster.client.delete(Deployments, { namespace, name: "web" }, cluster.signal, {
    propagationPolicy: "Orphan",
  });
  await cluster.until("the replica set is an orphan", WORKLOADS, () => {
    const isGone = cluster.informers.lister(Deployments).get(`${namespace}/web`) === undefined;
    return isGone && setsOf(namespace).every((rs) => !hasOwner(rs));
  });
  assert.equal(podsOf(namespace).length, 2);
  await cluster.client.create(Deployments, deployment(namespace, 2, "v1"), cluster.signal);
  await rolledOut(namespace);
  assert.deepEqual(
    setsOf(namespace).map(({ metadata }) => metadata.uid),
    [set?.metadata.uid],
  );
  await cluster.until("it is adopted", WORKLOADS, () => setsOf(namespace).every(hasOwner));
});

test("an object whose owner is of another namespace goes, and an event says why", async () => {
  const namespace = await newNamespace("stray");
  const other = await newNamespace("elsewhere");
  const owner = await cluster.client.create(ConfigMaps, configMap(other, "owner"), cluster.signal);
  const ref = { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: owner.metadata.uid! };
  const stray = configMap(namespace, "stray", { ownerReferences: [ref] });
  await cluster.client.create(ConfigMaps, stray, cluster.signal);
  await cluster.until("the event is there", ALL, () =>
    cluster.informers
      .lister(Events)
      .list(namespace)
      .some(({ reason }) => reason === "OwnerRefInvalidNamespace"),
  );
  await cluster.until(
    "it is gone",
    ALL,
    () => cluster.informers.lister(ConfigMaps).get(`${namespace}/stray`) === undefined,
  );
});

test("a job runs its pods to completion, and counts each once", async () => {
  const namespace = await newNamespace("job");
  const job = {
    apiVersion: "batch/v1" as const,
    kind: "Job" as const,
    metadata: { name: "work", namespace },
    spec: {
      completions: 5,
      parallelism: 2,
      template: { spec: { restartPolicy: "Never", containers: [{ name: "work", image: "v1" }] } },
    },
  };
  await cluster.client.create(Jobs, job, cluster.signal);
  const done = await cluster.until("it is complete", ALL, () => {
    const found = cluster.informers.lister(Jobs).get(`${namespace}/work`);
    return (
      found?.status?.conditions?.some(({ type, status }) => type === "Complete" && status === "True") && found
    );
  });
  const { succeeded, failed, active, uncountedTerminatedPods } = done.status ?? {};
  assert.deepEqual([succeeded, failed, active, uncountedTerminatedPods], [5, undefined, undefined, {}]);
  const { items } = await cluster.client.list(Pods, { namespace }, cluster.signal);
  assert.equal(items.length, 5);
  assert.ok(items.every(({ metadata }) => metadata.finalizers === undefined));
  await cluster.client.delete(Jobs, done.metadata, cluster.signal, { propagationPolicy: "Background" });
  await cluster.until("its pods are gone", ALL, () => podsOf(namespace).length === 0);
});

test("a namespace goes with everything in it, and says what it waits for", async () => {
  const namespace = await newNamespace("doomed");
  await cluster.client.create(Deployments, deployment(namespace, 2, "v1"), cluster.signal);
  await rolledOut(namespace);
  const kept = await cluster.client.create(
    ConfigMaps,
    configMap(namespace, "kept", { finalizers: ["example.com/wait"] }),
    cluster.signal,
  );
  await cluster.client.delete(Namespaces, { name: namespace }, cluster.signal);
  const namespaces = cluster.informers.lister(Namespaces);
  const waiting = await cluster.until("it says so", ALL, () =>
    namespaces
      .get(namespace)
      ?.status?.conditions?.find(
        ({ type, status }) => type === "NamespaceFinalizersRemaining" && status === "True",
      ),
  );
  assert.match(waiting.message ?? "", /example.com\/wait in 1 resource instances/);
  await cluster.client.patch(
    ConfigMaps,
    kept.metadata,
    { type: "merge", body: { metadata: { finalizers: null } } },
    cluster.signal,
  );
  await cluster.until("it is gone", ALL, () => namespaces.get(namespace) === undefined);
  for (const kind of WORKLOADS) {
    const { items } = await cluster.client.list(kind, { namespace }, cluster.signal);
    assert.deepEqual(items, []);
  }
});

function hasOwner({ metadata }: KubeObject): boolean {
  return (metadata.ownerReferences ?? []).length > 0;
}

function configMap(
  namespace: string,
  name: string,
  metadata: Partial<ObjectMeta> = {},
): KubeObject & { apiVersion: "v1"; kind: "ConfigMap" } {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { ...metadata, name, namespace } };
}
