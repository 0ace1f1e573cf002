/** What must hold at every change, whatever goes wrong. Each check sees the change as the server made it. @module */
import { DaemonSets } from "#api/apps/v1/daemonset";
import { Deployments } from "#api/apps/v1/deployment";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import { StatefulSets } from "#api/apps/v1/statefulset";
import type { DaemonSet, Deployment, ReplicaSet } from "#api/apps/v1/types.gen";
import { Jobs } from "#api/batch/v1/job";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { PodDisruptionBudgets } from "#api/policy/v1/poddisruptionbudget";
import type { PodDisruptionBudget } from "#api/policy/v1/types.gen";
import {
  controllerOf,
  keyOf,
  parseQuantity,
  quantityMilliValue,
  type Kind,
  type KubeObject,
} from "#apimachinery";
import type { Request } from "#client";
import { daemonNodeOf, ordinalOf } from "./availability.ts";
import { Bounds } from "./bounds.ts";
import { JobLedger } from "./job-ledger.ts";
import { isReady, isTerminal } from "./kubelets.ts";
import { WATCHED, type World } from "./world.ts";

export class Invariants {
  /** What was broken, in words; empty while all is well. */
  readonly broken: string[] = [];
  readonly #world: World;
  readonly #bounds = new Bounds();
  readonly #jobs: JobLedger;
  readonly #everReady = new Map<string, Set<number>>();
  readonly #revisions = new Map<string, number>();
  /** Pods that a budget lost otherwise than by eviction, and changes of the budget, since the last rest. */
  readonly #losses = new Map<string, number>();
  readonly #evicted = new Set<string>();
  /** The priority of each pod that waited for a node since the last rest and may take another's place. */
  readonly #waited = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
    this.#jobs = new JobLedger((message) => this.#fail(message));
    for (const kind of WATCHED) this.#watch(kind, (object) => this.#revisionGrows(kind, object));
    this.#watch(Pods, (pod, old) => this.#pod(pod, old));
    world.truth.informer(Pods).addEventHandler({ onDelete: (pod) => this.#lost(pod, pod) });
    this.#watch(Deployments, (deployment) => this.#deployment(deployment));
    this.#watch(ReplicaSets, (set, old) => this.#replicaSet(set, old));
    this.#watch(StatefulSets, (set) => this.#bounds.allow(uidOf(set), set.spec?.replicas ?? 1));
    this.#watch(DaemonSets, (set) => this.#bounds.allow(uidOf(set), 1 + surgeOf(set)));
    this.#watch(Jobs, (job, old) => {
      this.#bounds.allow(uidOf(job), job.spec?.parallelism ?? 1);
      this.#jobs.changed(job, old);
    });
    this.#watch(PodDisruptionBudgets, (budget, old) => {
      if (budget.metadata.generation !== old?.metadata.generation) this.#lose(uidOf(budget));
    });
  }

  /** Every cache agrees with the server: from here on only what stands now is allowed. */
  atRest(): void {
    const { truth } = this.#world;
    this.#bounds.clear();
    this.#losses.clear();
    this.#waited.clear();
    for (const pod of truth.lister(Pods).list()) this.#waits(pod);
    for (const deployment of truth.lister(Deployments).list()) this.#deployment(deployment);
    for (const set of truth.lister(ReplicaSets).list())
      this.#bounds.allow(uidOf(set), set.spec?.replicas ?? 1);
    for (const set of truth.lister(StatefulSets).list())
      this.#bounds.allow(uidOf(set), set.spec?.replicas ?? 1);
    for (const set of truth.lister(DaemonSets).list()) this.#bounds.allow(uidOf(set), 1 + surgeOf(set));
    for (const job of truth.lister(Jobs).list()) this.#bounds.allow(uidOf(job), job.spec?.parallelism ?? 1);
  }

  /** A write was applied and its answer lost. */
  ambiguous({ method, path, body }: Request): void {
    const object = body as KubeObject & { readonly target?: { readonly name?: string } };
    const isReplicaSet = object?.kind === "ReplicaSet";
    if (method !== "POST" && !isReplicaSet) return;
    const owner = typeof object?.metadata === "object" ? controllerOf(object) : undefined;
    // Nobody remembers a replica set that was made or resized like this: it may ask for all its pods beside another one.
    const count = isReplicaSet ? ((object as ReplicaSet).spec?.replicas ?? 1) : 1;
    if (owner !== undefined) this.#bounds.addAmbiguous(owner.uid, count);
    if (!path.endsWith("/binding")) return;
    const [, namespace, name] = /namespaces\/([^/]+)\/pods\/([^/]+)\/binding/.exec(path) ?? [];
    const pod = this.#world.truth.lister(Pods).get(`${namespace}/${name}`);
    if (pod !== undefined) this.#bounds.addAmbiguous(object.target?.name ?? "", cpuOf(pod));
  }

  /** The server granted an eviction: the budget must still hold. */
  granted(pod: Pod): void {
    const { truth } = this.#world;
    this.#evicted.add(uidOf(pod));
    if (pod.status?.phase !== "Running" || pod.metadata.deletionTimestamp !== undefined) return;
    for (const budget of truth.lister(PodDisruptionBudgets).list(pod.metadata.namespace)) {
      if (!selects(budget, pod)) continue;
      const healthy = this.#healthy(budget).filter((other) => uidOf(other) !== uidOf(pod)).length;
      const least = Number(budget.spec?.minAvailable ?? 0) - (this.#losses.get(uidOf(budget)) ?? 0);
      if (isReady(pod) && healthy < least)
        this.#fail(
          `evicting ${keyOf(pod)} leaves ${healthy} of budget ${keyOf(budget)}, which wants ${least}`,
        );
    }
  }

  /** The scheduler deletes a pod only for one that matters more. */
  preempts({ method, path, body }: Request): void {
    const [, namespace, name] = /namespaces\/([^/]+)\/pods\/([^/]+)$/.exec(path) ?? [];
    if (method !== "DELETE" || name === undefined) return;
    const { preconditions } = (body ?? {}) as { readonly preconditions?: { readonly uid?: string } };
    const victim = this.#world.truth.lister(Pods).get(`${namespace}/${name}`);
    if (preconditions?.uid === undefined) this.#fail(`the scheduler would delete any pod named ${name}`);
    if (victim === undefined || uidOf(victim) !== preconditions?.uid) return;
    const highest = Math.max(...this.#waited.values());
    const own = victim.spec?.priority ?? 0;
    if (own >= highest)
      this.#fail(
        `${keyOf(victim)} of priority ${own} makes room, and none that waited has more than ${highest}`,
      );
  }

  #waits({ metadata, spec }: Pod): void {
    if (spec?.nodeName !== undefined || spec?.preemptionPolicy === "Never") return;
    this.#waited.set(metadata.uid ?? "", spec?.priority ?? 0);
  }

  #watch<T extends KubeObject>(kind: Kind<T>, check: (object: T, old: T | undefined) => void): void {
    this.#world.truth
      .informer(kind)
      .addEventHandler({ onAdd: (object) => check(object, undefined), onUpdate: check });
  }

  #fail(message: string): void {
    this.broken.push(message);
  }

  #revisionGrows(kind: Kind, object: KubeObject): void {
    const id = `${kind.kind} ${keyOf(object)}`;
    const revision = Number(object.metadata.resourceVersion);
    const before = this.#revisions.get(id) ?? 0;
    if (revision < before) this.#fail(`${id} went back from resourceVersion ${before} to ${revision}`);
    this.#revisions.set(id, revision);
  }

  #deployment(deployment: Deployment): void {
    const { replicas = 1, strategy } = deployment.spec!;
    const surge = strategy?.type === "Recreate" ? 0 : Number(strategy?.rollingUpdate?.maxSurge ?? 1);
    this.#bounds.allow(uidOf(deployment), replicas + surge);
  }

  /** A rollout never asks for more pods than replicas and maxSurge allow. */
  #replicaSet(set: ReplicaSet, old: ReplicaSet | undefined): void {
    const replicas = set.spec?.replicas ?? 1;
    this.#bounds.allow(uidOf(set), replicas);
    const owner = controllerOf(set);
    if (owner === undefined || replicas <= (old?.spec?.replicas ?? 0)) return;
    const siblings = this.#world.truth
      .lister(ReplicaSets)
      .list(set.metadata.namespace)
      .filter((other) => controllerOf(other)?.uid === owner.uid);
    const sum = siblings.reduce((total, { spec }) => total + (spec?.replicas ?? 1), 0);
    const most = this.#bounds.most(owner.uid);
    if (sum > most)
      this.#fail(`replica sets of ${owner.name} ask for ${sum} pods, at most ${most} are allowed`);
  }

  #pod(pod: Pod, old: Pod | undefined): void {
    if (old === undefined) this.#created(pod);
    if (pod.spec?.nodeName !== undefined && old?.spec?.nodeName === undefined) this.#bound(pod);
    this.#waits(pod);
    this.#jobs.pod(pod);
    if (old !== undefined) this.#lost(old, pod);
    const owner = controllerOf(pod);
    if (owner?.kind !== "StatefulSet" || !isReady(pod)) return;
    const ready = this.#everReady.get(owner.uid) ?? new Set();
    this.#everReady.set(owner.uid, ready.add(ordinalOf(pod)));
  }

  #created(pod: Pod): void {
    const owner = controllerOf(pod);
    if (owner === undefined) return;
    if (owner.kind === "StatefulSet") return this.#createdOrdinal(pod, owner.uid);
    const active = this.#world.truth
      .lister(Pods)
      .list(pod.metadata.namespace)
      .filter((other) => controllerOf(other)?.uid === owner.uid && isActive(other));
    const here =
      owner.kind === "DaemonSet"
        ? active.filter((other) => daemonNodeOf(other) === daemonNodeOf(pod))
        : active;
    const most = this.#bounds.most(owner.uid);
    if (here.length > most)
      this.#fail(
        `${owner.kind} ${owner.name} has ${here.length} active pods with ${keyOf(pod)}, at most ${most} are allowed`,
      );
  }

  /** Ordered sets begin a pod only after every one before it was ready once. */
  #createdOrdinal(pod: Pod, uid: string): void {
    const set = this.#world.truth
      .lister(StatefulSets)
      .get(`${pod.metadata.namespace}/${controllerOf(pod)?.name}`);
    const ordinal = ordinalOf(pod);
    const most = this.#bounds.most(uid);
    if (ordinal >= most) this.#fail(`${keyOf(pod)} was created, but its set has ${most} replicas at most`);
    if (set?.metadata.uid !== uid || set.spec?.podManagementPolicy === "Parallel") return;
    for (let before = 0; before < ordinal; before++) {
      if (this.#everReady.get(uid)?.has(before) !== true)
        this.#fail(`${keyOf(pod)} was created before ordinal ${before} was ever ready`);
    }
  }

  /** No node is given more than it has. */
  #bound(pod: Pod): void {
    const name = pod.spec?.nodeName ?? "";
    const node = this.#world.truth.lister(Nodes).get(name);
    if (node === undefined) return;
    const used = this.#world.truth
      .lister(Pods)
      .list()
      .filter((other) => other.spec?.nodeName === name && !isTerminal(other))
      .reduce((sum, other) => sum + cpuOf(other), 0);
    const has = milliOf(node.status?.allocatable?.["cpu"] ?? "0") + this.#bounds.ambiguous(name);
    if (used > has) this.#fail(`node ${name} has ${has}m of CPU and is bound ${used}m with ${keyOf(pod)}`);
  }

  /** A pod that was healthy and is not any more, otherwise than by eviction, takes from its budgets. */
  #lost(before: Pod, after: Pod): void {
    const wasGone = before !== after && isHealthy(after) && selectedAlike(before, after);
    if (!isHealthy(before) || wasGone || this.#evicted.has(uidOf(before))) return;
    for (const budget of this.#world.truth.lister(PodDisruptionBudgets).list(before.metadata.namespace))
      if (selects(budget, before)) this.#lose(uidOf(budget));
  }

  #lose(budget: string): void {
    this.#losses.set(budget, (this.#losses.get(budget) ?? 0) + 1);
  }

  #healthy(budget: PodDisruptionBudget): readonly Pod[] {
    const pods = this.#world.truth.lister(Pods).list(budget.metadata.namespace);
    return pods.filter((pod) => selects(budget, pod) && isHealthy(pod));
  }
}

export function uidOf(object: KubeObject): string {
  return object.metadata.uid ?? "";
}

export function isActive(pod: Pod): boolean {
  return !isTerminal(pod) && pod.metadata.deletionTimestamp === undefined;
}

function isHealthy(pod: Pod): boolean {
  return isReady(pod) && isActive(pod);
}

function selects(budget: PodDisruptionBudget, pod: Pod): boolean {
  const wanted = budget.spec?.selector?.matchLabels ?? {};
  return Object.entries(wanted).every(([key, value]) => pod.metadata.labels?.[key] === value);
}

function selectedAlike(a: Pod, b: Pod): boolean {
  return a.metadata.labels?.["app"] === b.metadata.labels?.["app"];
}

function surgeOf(set: DaemonSet): number {
  return Number(set.spec?.updateStrategy?.rollingUpdate?.maxSurge ?? 0) > 0 ? 1 : 0;
}

function cpuOf(pod: Pod): number {
  const requests = (pod.spec?.containers ?? []).map(({ resources }) => resources?.requests?.["cpu"] ?? "0");
  return requests.reduce((sum, cpu) => sum + milliOf(cpu), 0);
}

function milliOf(quantity: string): number {
  return quantityMilliValue(parseQuantity(quantity));
}
