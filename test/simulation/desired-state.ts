/** What must be so once nothing goes wrong any more: every promise of every object kept, every cache true, no orphan left. @module */
import { DaemonSets } from "#api/apps/v1/daemonset";
import { Deployments } from "#api/apps/v1/deployment";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import { StatefulSets } from "#api/apps/v1/statefulset";
import { Jobs } from "#api/batch/v1/job";
import { Namespaces } from "#api/core/v1/namespace";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { Services } from "#api/core/v1/service";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import { PodDisruptionBudgets } from "#api/policy/v1/poddisruptionbudget";
import { controllerOf, keyOf, sorted, type KubeObject } from "#apimachinery";
import { isActive, uidOf } from "./invariants.ts";
import { isReady } from "./kubelets.ts";
import { WATCHED, type World } from "./world.ts";

const TRACKING = "batch.kubernetes.io/job-tracking";

/** What is still missing, in words; empty when all is as it should be. */
export function missing(world: World): readonly string[] {
  return [...workloads(world), ...jobs(world), ...services(world), ...leftovers(world), ...caches(world)];
}

function* workloads(world: World): Generator<string> {
  const pods = world.lister(Pods);
  const readyOf = (owner: KubeObject): number =>
    pods.filter((pod) => controllerOf(pod)?.uid === uidOf(owner) && isActive(pod) && isReady(pod)).length;
  for (const one of world.lister(Deployments)) {
    const { replicas = 1 } = one.spec!;
    const {
      replicas: has = 0,
      updatedReplicas: updated = 0,
      availableReplicas: available = 0,
    } = one.status ?? {};
    const asked = world
      .lister(ReplicaSets)
      .filter((set) => controllerOf(set)?.uid === uidOf(one))
      .reduce((sum, { spec }) => sum + (spec?.replicas ?? 1), 0);
    if (new Set([replicas, has, updated, available, asked]).size > 1)
      yield `Deployment ${keyOf(one)}: ${replicas} wanted, ${asked} asked for, ${has}/${updated}/${available}`;
  }
  for (const set of world.lister(ReplicaSets)) {
    const { replicas = 1 } = set.spec!;
    if (set.status?.readyReplicas !== replicas && replicas !== (set.status?.readyReplicas ?? 0))
      yield `ReplicaSet ${keyOf(set)}: ${set.status?.readyReplicas} of ${replicas}`;
    if (readyOf(set) !== replicas)
      yield `ReplicaSet ${keyOf(set)}: ${readyOf(set)} ready pods of ${replicas}`;
  }
  for (const set of world.lister(StatefulSets)) {
    const { replicas = 1, updateStrategy } = set.spec!;
    const { readyReplicas = 0, currentRevision, updateRevision } = set.status ?? {};
    if (readyReplicas !== replicas || readyOf(set) !== replicas)
      yield `StatefulSet ${keyOf(set)}: ${readyReplicas}, really ${readyOf(set)} of ${replicas}`;
    const whole = (updateStrategy?.rollingUpdate?.partition ?? 0) === 0;
    if (whole && currentRevision !== updateRevision)
      yield `StatefulSet ${keyOf(set)}: ${currentRevision} is not yet ${updateRevision}`;
  }
  for (const set of world.lister(DaemonSets)) {
    const nodes = world.lister(Nodes).length;
    const { numberReady = 0, updatedNumberScheduled: updated = 0 } = set.status ?? {};
    if (numberReady !== nodes || updated !== nodes || readyOf(set) !== nodes)
      yield `DaemonSet ${keyOf(set)}: ${numberReady} ready, ${updated} updated, ${readyOf(set)} pods on ${nodes} nodes`;
  }
}

function* jobs(world: World): Generator<string> {
  for (const job of world.lister(Jobs)) {
    const finished = job.status?.conditions?.some(
      ({ type, status }) => (type === "Complete" || type === "Failed") && status === "True",
    );
    if (finished !== true) yield `Job ${keyOf(job)} has not ended: ${JSON.stringify(job.status)}`;
    if ((job.status?.active ?? 0) !== 0) yield `Job ${keyOf(job)} has ended with active pods`;
  }
  for (const pod of world.lister(Pods)) {
    if (pod.metadata.finalizers?.includes(TRACKING)) yield `Pod ${keyOf(pod)} was never counted by its Job`;
  }
}

function* services(world: World): Generator<string> {
  for (const service of world.lister(Services)) {
    if (service.metadata.namespace === "default") continue;
    const app = service.spec?.selector?.["app"];
    const inNamespace = ({ metadata }: KubeObject): boolean =>
      metadata.namespace === service.metadata.namespace;
    const ready = world
      .lister(Pods)
      .filter(
        (pod) => inNamespace(pod) && pod.metadata.labels?.["app"] === app && isActive(pod) && isReady(pod),
      )
      .map((pod) => pod.status?.podIP ?? "");
    const shown = world
      .lister(EndpointSlices)
      .filter((slice) => inNamespace(slice) && controllerOf(slice)?.uid === uidOf(service))
      .flatMap(({ endpoints = [] }) => endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready === true)
      .flatMap(({ addresses }) => addresses);
    if (sorted(ready).join() !== sorted(shown).join())
      yield `Service ${keyOf(service)} shows ${shown.length} endpoints of ${ready.length}`;
  }
  for (const budget of world.lister(PodDisruptionBudgets)) {
    const healthy = world.lister(Pods).filter((pod) => {
      const isOne = pod.metadata.namespace === budget.metadata.namespace && isActive(pod) && isReady(pod);
      return isOne && pod.metadata.labels?.["app"] === budget.spec?.selector?.matchLabels?.["app"];
    }).length;
    if (
      budget.status?.currentHealthy !== healthy ||
      budget.status.observedGeneration !== budget.metadata.generation
    )
      yield `PodDisruptionBudget ${keyOf(budget)}: ${budget.status?.currentHealthy} healthy, really ${healthy}`;
  }
}

/** Nothing belongs to an owner that is gone, and nothing that was deleted is still there. */
function* leftovers(world: World): Generator<string> {
  const all = WATCHED.flatMap((kind) => world.lister(kind).map((object) => ({ kind, object })));
  const uids = new Set(all.map(({ object }) => uidOf(object)));
  const owning = new Set(WATCHED.map(({ kind }) => kind));
  for (const { kind, object } of all) {
    const owners = (object.metadata.ownerReferences ?? []).filter((owner) => owning.has(owner.kind));
    if (owners.length > 0 && owners.every(({ uid }) => !uids.has(uid)))
      yield `${kind.kind} ${keyOf(object)} has outlived its owner ${owners[0]?.name}`;
    if (object.metadata.deletionTimestamp !== undefined)
      yield `${kind.kind} ${keyOf(object)} is not gone yet`;
  }
  for (const { metadata, status } of world.lister(Namespaces))
    if (status?.phase === "Terminating") yield `Namespace ${metadata.name} is not gone yet`;
}

/** Every cache of every process is what the server holds. */
function* caches(world: World): Generator<string> {
  for (const [name, { informers }] of world.processes) {
    for (const kind of WATCHED) {
      if (!informers.informer(kind).hasSynced) continue; // nobody there asked for it
      const cached = new Map(
        informers
          .lister(kind)
          .list()
          .map((object) => [keyOf(object), object]),
      );
      for (const object of world.lister(kind)) {
        const other = cached.get(keyOf(object));
        cached.delete(keyOf(object));
        if (other?.metadata.resourceVersion !== object.metadata.resourceVersion)
          yield `${name} has ${kind.kind} ${keyOf(object)} at ${other?.metadata.resourceVersion}, not ${object.metadata.resourceVersion}`;
      }
      for (const key of cached.keys()) yield `${name} still has ${kind.kind} ${key}`;
    }
  }
}
