/** What objects use of a ResourceQuota, from their creation until they are gone; and the scopes that some quotas have. */
import assert from "node:assert/strict";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import type { ReplicaSet } from "#api/apps/v1/types.gen";
import { Pods } from "#api/core/v1/pod";
import { ReplicationControllers } from "#api/core/v1/replicationcontroller";
import { Secrets } from "#api/core/v1/secret";
import { Services } from "#api/core/v1/service";
import type { Pod, PodSpec, Secret, Service, ServiceSpec } from "#api/core/v1/types.gen";
import {
  CONTAINER,
  conformance,
  newPod,
  newReplicationController,
  type ConformanceContext,
} from "../harness/index.ts";
import { createQuota, overQuota, untilUsed, type Amounts } from "./resource-quota-fixture.ts";

interface Needs {
  readonly requests?: Amounts;
  readonly limits?: Amounts;
}

function podWith(t: ConformanceContext, name: string, resources: Needs, spec: Partial<PodSpec> = {}): Pod {
  const containers = [{ ...CONTAINER, resources }];
  return { ...newPod(t, name), spec: { ...spec, containers } };
}

/** What scopes tell apart is counted once. */
async function deletePod({ client, signal, namespace }: ConformanceContext, name: string): Promise<void> {
  await client.delete(Pods, { namespace, name }, signal, { gracePeriodSeconds: 0 });
}

function newService(t: ConformanceContext, name: string, spec: ServiceSpec): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: t.namespace }, spec };
}

conformance(
  "[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a secret.",
  async (t) => {
    const { client, signal, namespace } = t;
    const secret = (name: string): Secret => {
      const metadata = { name, namespace };
      return { apiVersion: "v1", kind: "Secret", metadata, stringData: { a: "b" } };
    };
    await createQuota(t, "quota", { secrets: "1" });
    await untilUsed(t, "quota", { secrets: "0" });
    await client.create(Secrets, secret("one"), signal);
    await untilUsed(t, "quota", { secrets: "1" });
    const message = await overQuota(client.create(Secrets, secret("two"), signal));
    assert.match(
      message,
      /exceeded quota: quota, requested: secrets=1, used: secrets=1, limited: secrets=1$/,
    );
    await client.delete(Secrets, { namespace, name: "one" }, signal);
    await untilUsed(t, "quota", { secrets: "0" });
    await client.create(Secrets, secret("two"), signal);
  },
);

conformance(
  "[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a service.",
  async (t) => {
    const { client, signal, namespace } = t;
    const ports = [{ port: 80 }];
    const create = (name: string, spec: ServiceSpec): Promise<Service> =>
      client.create(Services, newService(t, name, { ports, ...spec }), signal);
    const hard = { services: "2", "services.nodeports": "1", "services.loadbalancers": "1" };
    await createQuota(t, "quota", hard);
    const used = (services: number, nodePorts: number, balancers: number): Promise<void> =>
      untilUsed(t, "quota", {
        services: String(services),
        "services.nodeports": String(nodePorts),
        "services.loadbalancers": String(balancers),
      });
    await used(0, 0, 0);
    await create("inside", { type: "ClusterIP" });
    await used(1, 0, 0);
    await create("node-port", { type: "NodePort" });
    await used(2, 1, 0);
    assert.match(
      await overQuota(create("balanced", { type: "LoadBalancer" })),
      /exceeded quota: quota, requested: services=1,services\.nodeports=1, used: services=2,services\.nodeports=1, limited: services=2,services\.nodeports=1$/,
    );
    await client.delete(Services, { namespace, name: "inside" }, signal);
    await used(1, 1, 0);
    assert.match(await overQuota(create("second", { type: "NodePort" })), /requested: services\.nodeports=1/);
    // One without node ports is free of their bound.
    await create("balanced", { type: "LoadBalancer", allocateLoadBalancerNodePorts: false });
    await used(2, 1, 1);
    // To become another type costs what the type costs.
    const body = { spec: { type: "ClusterIP", ports: [{ port: 80, nodePort: null }] } };
    await client.patch(Services, { namespace, name: "node-port" }, { type: "strategic", body }, signal);
    await used(2, 0, 1);
    const back = { spec: { type: "LoadBalancer" } };
    const growing = client.patch(
      Services,
      { namespace, name: "node-port" },
      { type: "merge", body: back },
      signal,
    );
    assert.match(await overQuota(growing), /requested: services\.loadbalancers=1/);
    await client.delete(Services, { namespace, name: "node-port" }, signal);
    await client.delete(Services, { namespace, name: "balanced" }, signal);
    await used(0, 0, 0);
  },
);

conformance(
  "[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a pod.",
  async (t) => {
    const { client, signal, namespace } = t;
    const create = (pod: Pod): Promise<Pod> => client.create(Pods, pod, signal);
    const device = "requests.example.com/dongle";
    const hard = {
      pods: "5",
      cpu: "1",
      memory: "500Mi",
      "requests.ephemeral-storage": "50Gi",
      [device]: "3",
    };
    await createQuota(t, "quota", hard);
    const used = (
      pods: string,
      cpu: string,
      memory: string,
      storage: string,
      dongles: string,
    ): Promise<void> =>
      untilUsed(t, "quota", { pods, cpu, memory, "requests.ephemeral-storage": storage, [device]: dongles });
    await used("0", "0", "0", "0", "0");
    const needs: Amounts = {
      cpu: "500m",
      memory: "252Mi",
      "ephemeral-storage": "30Gi",
      "example.com/dongle": "2",
    };
    const limits = { "example.com/dongle": "2" };
    const first = await create(podWith(t, "first", { requests: needs, limits }));
    await used("1", "500m", "252Mi", "30Gi", "2");

    const small = { cpu: "100m", memory: "10Mi" };
    assert.match(
      await overQuota(create(podWith(t, "too-much", { requests: { cpu: "600m", memory: "100Mi" } }))),
      /exceeded quota: quota, requested: cpu=600m, used: cpu=500m, limited: cpu=1$/,
    );
    const storage = podWith(t, "storage", { requests: { ...small, "ephemeral-storage": "30Gi" } });
    assert.match(await overQuota(create(storage)), /requested: requests\.ephemeral-storage=30Gi/);
    const more = { "example.com/dongle": "2" };
    const devices = podWith(t, "devices", { requests: { ...small, ...more }, limits: more });
    assert.match(await overQuota(create(devices)), /requested: requests\.example\.com\/dongle=2, used:/);
    assert.match(
      await overQuota(create(newPod(t, "silent"))),
      /failed quota: quota: must specify cpu for: main; memory for: main$/,
    );

    // Its requests are what they were, whatever a client sends.
    const containers = [{ ...CONTAINER, resources: { requests: { ...needs, cpu: "100m" }, limits } }];
    const changed = { ...first, spec: { ...first.spec!, containers } };
    await assert.rejects(
      client.update(Pods, { ...changed, metadata: { ...first.metadata, resourceVersion: "" } }, signal),
      { code: 422 },
    );
    await used("1", "500m", "252Mi", "30Gi", "2");

    await deletePod(t, "first");
    await t.waitGone(Pods, { namespace, name: "first" });
    await used("0", "0", "0", "0", "0");
    await create(podWith(t, "next", { requests: { cpu: "600m", memory: "100Mi" } }));
    await used("1", "600m", "100Mi", "0", "0");
  },
);

conformance(
  "[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a replica set.",
  async (t) => {
    const { client, signal, namespace } = t;
    const labels = { app: "web" };
    const set = (name: string): ReplicaSet => ({
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name, namespace },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { metadata: { name: "", labels }, spec: { containers: [CONTAINER] } },
      },
    });
    await createQuota(t, "quota", { "count/replicasets.apps": "1" });
    await untilUsed(t, "quota", { "count/replicasets.apps": "0" });
    await client.create(ReplicaSets, set("one"), signal);
    await untilUsed(t, "quota", { "count/replicasets.apps": "1" });
    assert.match(
      await overQuota(client.create(ReplicaSets, set("two"), signal)),
      /^replicasets\.apps "two" is forbidden: exceeded quota: quota, requested: count\/replicasets\.apps=1, used:/,
    );
    await client.delete(ReplicaSets, { namespace, name: "one" }, signal);
    await untilUsed(t, "quota", { "count/replicasets.apps": "0" });
  },
);

conformance(
  "[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a replication controller.",
  async (t) => {
    const { client, signal, namespace } = t;
    const controller = (name: string) => newReplicationController(t, name, 0);
    await createQuota(t, "quota", { replicationcontrollers: "1" });
    await untilUsed(t, "quota", { replicationcontrollers: "0" });
    await client.create(ReplicationControllers, controller("one"), signal);
    await untilUsed(t, "quota", { replicationcontrollers: "1" });
    const message = await overQuota(client.create(ReplicationControllers, controller("two"), signal));
    assert.match(message, /requested: replicationcontrollers=1, used: replicationcontrollers=1/);
    await client.delete(ReplicationControllers, { namespace, name: "one" }, signal);
    await untilUsed(t, "quota", { replicationcontrollers: "0" });
  },
);

conformance(
  "[sig-api-machinery] ResourceQuota should verify ResourceQuota with terminating scopes.",
  async (t) => {
    const { client, signal } = t;
    const hard = { pods: "1", "requests.cpu": "1", "limits.memory": "1Gi" };
    await createQuota(t, "ending", hard, { scopes: ["Terminating"] });
    await createQuota(t, "lasting", hard, { scopes: ["NotTerminating"] });
    const used = async (name: string, isUsed: boolean): Promise<void> =>
      untilUsed(t, name, {
        pods: isUsed ? "1" : "0",
        "requests.cpu": isUsed ? "500m" : "0",
        "limits.memory": isUsed ? "400Mi" : "0",
      });
    await used("ending", false);
    await used("lasting", false);
    const needs = { requests: { cpu: "500m", memory: "200Mi" }, limits: { cpu: "1", memory: "400Mi" } };
    await client.create(Pods, podWith(t, "server", needs), signal);
    await used("lasting", true);
    await used("ending", false);
    const another = client.create(Pods, podWith(t, "another", needs), signal);
    assert.match(await overQuota(another), /exceeded quota: lasting, requested: pods=1/);

    const deadline = { activeDeadlineSeconds: 3_600 };
    await client.create(Pods, podWith(t, "task", needs, deadline), signal);
    await used("ending", true);
    await used("lasting", true);
    const late = client.create(Pods, podWith(t, "late", needs, deadline), signal);
    assert.match(await overQuota(late), /exceeded quota: ending, requested: pods=1/);
    await deletePod(t, "server");
    await used("lasting", false);
    await used("ending", true);
    await deletePod(t, "task");
    await used("ending", false);
  },
);

conformance(
  "[sig-api-machinery] ResourceQuota should verify ResourceQuota with best effort scope.",
  async (t) => {
    const { client, signal } = t;
    await createQuota(t, "best-effort", { pods: "1" }, { scopes: ["BestEffort"] });
    await createQuota(t, "not-best-effort", { pods: "1" }, { scopes: ["NotBestEffort"] });
    const used = (name: string, pods: string): Promise<void> => untilUsed(t, name, { pods });
    await used("best-effort", "0");
    await used("not-best-effort", "0");
    await client.create(Pods, newPod(t, "free"), signal);
    await used("best-effort", "1");
    await used("not-best-effort", "0");
    const another = client.create(Pods, newPod(t, "another"), signal);
    assert.match(await overQuota(another), /exceeded quota: best-effort, requested: pods=1/);

    const needs = { requests: { cpu: "100m" } };
    await client.create(Pods, podWith(t, "asking", needs), signal);
    await used("not-best-effort", "1");
    await used("best-effort", "1");
    await deletePod(t, "free");
    await used("best-effort", "0");
    await used("not-best-effort", "1");
    await deletePod(t, "asking");
    await used("not-best-effort", "0");
  },
);
