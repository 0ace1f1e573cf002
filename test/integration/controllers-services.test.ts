/** Addresses for LoadBalancer services, and what is said of claims and nodes: against the real API server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ControllerRevisions } from "#api/apps/v1/controllerrevision";
import { DaemonSets } from "#api/apps/v1/daemonset";
import { Events } from "#api/core/v1/event";
import { Nodes } from "#api/core/v1/node";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { Services } from "#api/core/v1/service";
import type { Service } from "#api/core/v1/types.gen";
import { DeviceTaintRules } from "#api/resource/v1/devicetaintrule";
import type { DeviceTaintRule } from "#api/resource/v1/types.gen";
import type { Kind } from "#apimachinery";
import type { Cluster } from "./controllers-cluster.ts";
import { startCluster } from "./controllers-cluster.ts";

const FINALIZER = "service.kubernetes.io/load-balancer-cleanup";

function lb(name: string, spec: Partial<NonNullable<Service["spec"]>> = {}): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { type: "LoadBalancer", selector: { app: name }, ports: [{ port: 80 }], ...spec },
  };
}

test("service-lb-controller gives addresses, says when there are none, and takes them back", async () => {
  await using cluster = await startCluster([Services, Events] as unknown as Kind[]);
  const { client, signal } = cluster;
  await client.create(Services, lb("a"), signal);
  await address(cluster, "a", "192.0.2.1");
  await client.create(Services, lb("b"), signal);
  await address(cluster, "b", "192.0.2.2");
  const shown = await client.get(Services, { namespace: "default", name: "a" }, signal);
  assert.deepEqual(shown.metadata.finalizers, [FINALIZER]);
  assert.deepEqual(shown.status?.loadBalancer, { ingress: [{ ip: "192.0.2.1", ipMode: "VIP" }] });

  await client.create(Services, lb("c"), signal);
  await event(cluster, "c", "SyncLoadBalancerFailed", /no IPv4 address of 192\.0\.2\.1-192\.0\.2\.2 is free/);
  await client.delete(Services, { namespace: "default", name: "a" }, signal);
  await address(cluster, "c", "192.0.2.1");
  assert.equal(cluster.informers.lister(Services).get("default/a"), undefined);

  const body = { spec: { type: "ClusterIP" } };
  await client.patch(Services, { namespace: "default", name: "b" }, { type: "merge", body }, signal);
  await cluster.until("b is released", [Services] as unknown as Kind[], () => {
    const b = cluster.informers.lister(Services).get("default/b");
    return (b?.metadata.finalizers ?? []).length === 0 && b?.status?.loadBalancer?.ingress === undefined;
  });
  for (const reason of [
    "EnsuringLoadBalancer",
    "EnsuredLoadBalancer",
    "DeletingLoadBalancer",
    "DeletedLoadBalancer",
  ])
    await event(cluster, "b", reason, /./);
  await event(cluster, "b", "Type", /^LoadBalancer -> ClusterIP$/);
});

test("ttl-controller annotates nodes; persistentvolume-expander-controller says who expands a claim", async () => {
  await using cluster = await startCluster([Nodes, Events] as unknown as Kind[]);
  const { client, signal } = cluster;
  await cluster.until("the node has its annotation", [Nodes] as unknown as Kind[], () => {
    const [node] = cluster.informers.lister(Nodes).list();
    return node?.metadata.annotations?.["node.alpha.kubernetes.io/ttl"] === "0";
  });
  const size = { storage: "1Gi" };
  const made = await client.create(
    PersistentVolumeClaims,
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "data", namespace: "default" },
      spec: {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: "2Gi" } },
        volumeName: "pv",
        storageClassName: "",
      },
    },
    signal,
  );
  const claimRef = { namespace: "default", name: "data", uid: made.metadata.uid! };
  await client.create(
    PersistentVolumes,
    {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: "pv" },
      spec: {
        capacity: { storage: "2Gi" },
        accessModes: ["ReadWriteOnce"],
        hostPath: { path: "/x" },
        claimRef,
      },
    },
    signal,
  );
  await cluster.until("the claim is bound", [PersistentVolumeClaims] as unknown as Kind[], () => {
    const claim = cluster.informers.lister(PersistentVolumeClaims).get("default/data");
    return claim?.status?.phase === "Bound";
  });
  const body = { status: { capacity: size } };
  const ref = { namespace: "default", name: "data" };
  await client.patch(PersistentVolumeClaims, ref, { type: "merge", body }, signal, { subresource: "status" });
  await event(cluster, "data", "ExternalExpanding", /waiting for an external controller to expand this PVC/);
});

function address(cluster: Cluster, name: string, ip: string): Promise<unknown> {
  return cluster.until(`${name} has ${ip}`, [Services] as unknown as Kind[], () => {
    const service = cluster.informers.lister(Services).get(`default/${name}`);
    return service?.status?.loadBalancer?.ingress?.[0]?.ip === ip;
  });
}

function event(cluster: Cluster, name: string, reason: string, message: RegExp): Promise<unknown> {
  return cluster.until(`${name} has the event ${reason}`, [Events] as unknown as Kind[], () =>
    cluster.informers
      .lister(Events)
      .list()
      .some(
        (one) => one.involvedObject.name === name && one.reason === reason && message.test(one.message ?? ""),
      ),
  );
}

test("daemonset-controller adopts revisions of its template that nobody owns", async () => {
  await using cluster = await startCluster([DaemonSets, ControllerRevisions] as unknown as Kind[]);
  const { client, informers, signal } = cluster;
  const labels = { app: "agent" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "a", image: "v1" }] } };
  const metadata = { name: "agent", namespace: "default" };
  const spec = { selector: { matchLabels: labels }, template };
  await client.create(DaemonSets, { apiVersion: "apps/v1", kind: "DaemonSet", metadata, spec }, signal);
  const revisions = informers.lister(ControllerRevisions);
  const [first] = await cluster.until(
    "there is a revision",
    [ControllerRevisions] as unknown as Kind[],
    () => {
      const all = revisions.list("default");
      return all.length === 1 && all;
    },
  );
  await client.delete(DaemonSets, metadata, signal, { propagationPolicy: "Orphan" });
  await cluster.until("it is an orphan", [ControllerRevisions] as unknown as Kind[], () =>
    revisions.list("default").every((one) => (one.metadata.ownerReferences ?? []).length === 0),
  );
  await cluster.until(
    "the set is gone",
    [DaemonSets] as unknown as Kind[],
    () => informers.lister(DaemonSets).get("default/agent") === undefined,
  );
  const again = await client.create(
    DaemonSets,
    { apiVersion: "apps/v1", kind: "DaemonSet", metadata, spec },
    signal,
  );
  await cluster.until("it is adopted", [ControllerRevisions] as unknown as Kind[], () => {
    const found = revisions.get(`default/${first!.metadata.name}`);
    return found?.metadata.ownerReferences?.[0]?.uid === again.metadata.uid;
  });
  assert.equal(revisions.list("default").length, 1);
});

test("device-taint-eviction-controller says on a DeviceTaintRule whom it drives away", async () => {
  const watched = [DeviceTaintRules] as unknown as Kind[];
  await using cluster = await startCluster(watched);
  const rule: DeviceTaintRule = {
    apiVersion: "resource.k8s.io/v1",
    kind: "DeviceTaintRule",
    metadata: { name: "broken" },
    spec: {
      deviceSelector: { driver: "d.example.com" },
      taint: { key: "example.com/broken", effect: "NoExecute" },
    },
  };
  await cluster.client.create(DeviceTaintRules, rule, cluster.signal);
  await cluster.until("it has its condition", watched, () =>
    cluster.informers
      .lister(DeviceTaintRules)
      .get("broken")
      ?.status?.conditions?.some(
        ({ type, reason }) => type === "EvictionInProgress" && reason === "NotStarted",
      ),
  );
  assert.deepEqual(cluster.errors, []);
});
