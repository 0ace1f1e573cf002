/** What goes: a namespace full of objects, and a node full of pods. @module */
import { ReplicaSets } from "#api/apps/v1/replicaset";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Namespaces } from "#api/core/v1/namespace";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { formatTime, systemClock, type Kind } from "#apimachinery";
import { report } from "#bench";
import { inParallel, measureFloor, newNode, podSpec, startControllersCluster } from "./cluster.ts";

const FLOOR_OBJECTS = 1_000;
/** Of nodes; one that is lost is no failure of the zone. */
const NODES = 10;

export async function measureNamespace(objects: number): Promise<void> {
  const kinds = [Namespaces, ConfigMaps] as unknown as readonly Kind[];
  await using cluster = await startControllersCluster(["namespace-controller"], kinds);
  const { client, informers, signal } = cluster;
  const fill = async (namespace: string, count: number): Promise<void> => {
    const head = { apiVersion: "v1", kind: "ConfigMap" } as const;
    await client.create(
      Namespaces,
      { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
      signal,
    );
    await inParallel(count, async (i) => {
      await client.create(ConfigMaps, { ...head, metadata: { namespace, name: `c-${i}` } }, signal);
    });
  };
  await fill("floor", FLOOR_OBJECTS);
  const floorStart = performance.now();
  await inParallel(FLOOR_OBJECTS, async (i) => {
    await client.delete(ConfigMaps, { namespace: "floor", name: `c-${i}` }, signal);
  });
  const floorMs = (performance.now() - floorStart) / FLOOR_OBJECTS;
  await fill("full", objects);
  const start = performance.now();
  await client.delete(Namespaces, { name: "full" }, signal);
  await cluster.until(
    [Namespaces as unknown as Kind],
    () => informers.lister(Namespaces).get("full") === undefined,
  );
  report({
    name: `controllers: a namespace of ${objects} objects deleted`,
    value: performance.now() - start,
    unit: "ms",
    limit: { value: floorMs * objects, name: "the same objects deleted one by one by a client" },
    runs: 1,
  });
}

/** From the word that the node is lost until its pods are deleted and others are made. */
export async function measureLostNode(pods: number): Promise<void> {
  const names = ["node-lifecycle-controller", "taint-eviction-controller", "replicaset-controller"];
  const kinds = [Nodes, Pods, ReplicaSets] as unknown as readonly Kind[];
  await using cluster = await startControllersCluster(names, kinds);
  const { client, informers, signal } = cluster;
  const floorMs = await measureFloor(cluster, 2, pods);
  await cluster.createNodes(NODES);
  const labels = { app: "web" };
  const lost = ["not-ready", "unreachable"].map((name) => ({
    key: `node.kubernetes.io/${name}`,
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds: 0,
  }));
  const template = { metadata: { labels }, spec: { ...podSpec, tolerations: lost } };
  const metadata = { namespace: "default", name: "web" };
  const spec = { replicas: pods, selector: { matchLabels: labels }, template };
  await client.create(ReplicaSets, { apiVersion: "apps/v1", kind: "ReplicaSet", metadata, spec }, signal);
  const all = (): ReturnType<typeof cluster.count> => cluster.count(Pods as unknown as Kind);
  await cluster.until([Pods as unknown as Kind], () => all() === pods);
  const first = informers.lister(Pods).list("default");
  await inParallel(pods, async (i) => {
    const { name } = first[i]!.metadata;
    const target = { apiVersion: "v1", kind: "Node", name: "node-0" };
    const ref = { namespace: "default", name };
    const binding = { apiVersion: "v1", kind: "Binding", metadata: ref, target };
    await client.createSubresource(Pods, ref, "binding", binding, signal);
  });
  const start = performance.now();
  const now = formatTime(systemClock.now());
  const gone = { type: "Ready", status: "Unknown", lastHeartbeatTime: now, lastTransitionTime: now };
  const body = { status: { conditions: [gone] } };
  await client.patch(Nodes, newNode(0).metadata, { type: "merge", body }, signal, { subresource: "status" });
  await cluster.until([Pods as unknown as Kind], () => {
    const living = informers.lister(Pods).list("default");
    const kept = living.filter(
      ({ metadata: own, spec: of }) => own.deletionTimestamp === undefined && of?.nodeName !== "node-0",
    );
    return kept.length === pods;
  });
  report({
    name: `controllers: a node of ${pods} pods lost, their successors made`,
    value: performance.now() - start,
    unit: "ms",
    limit: { value: floorMs * pods, name: "as many pods created and changed by a client" },
    runs: 1,
  });
}
