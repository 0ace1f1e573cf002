/** Keeps a number of identical pods running: the part that ReplicaSet and ReplicationController share. @module */
import type { Kind, KubeObject, ObjectKey } from "#apimachinery";
import { controllerOf, isNamespaceGone, keyOf, messageOf, parseTime } from "#apimachinery";
import type { ReplicaSet, ReplicaSetStatus } from "#api/apps/v1/types.gen";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import type { Lister } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { slowStartBatch, source } from "#controller-runtime";
import { forEachParallel } from "../batch.ts";
import { claim, planClaims } from "../controller-ref-manager.ts";
import { indexOrphans, orphansOf } from "../indexes.ts";
import { LastWrites } from "../last-writes.ts";
import { OWN_WRITES_TIMEOUT_MS, OwnWrites } from "../own-writes.ts";
import { createPod, deletePod, podFromTemplate } from "../pod-control.ts";
import { isPodActive, isPodReady, isPodTerminating } from "#api/core/v1/pod-state";
import { selectorPredicate } from "../selector.ts";
import { reportStale } from "../stale-syncs.ts";
import { equalJSON } from "../template-hash.ts";
import { unlessGone } from "../unless-gone.ts";
import { desiredReplicas, nextAvailabilityInMs, plan, planStatus } from "./plan.ts";

/** How a kind appears as a ReplicaSet, and which of a ReplicaSet's status it has fields for. */
export interface ReplicaAdapter<T extends KubeObject> {
  readonly name: string;
  readonly eventSource: string;
  readonly kind: Kind<T>;
  readonly asReplicaSet: (object: T) => ReplicaSet;
  readonly statusOf: (status: ReplicaSetStatus) => ReplicaSetStatus;
}

/**
 * Safe on a stale cache: pods are created and deleted only when the cache shows all earlier creations and deletions
 * of this controller for the same object (`OwnWrites`), and its last status (`LastWrites`).
 */
export function replicaManager<T extends KubeObject>(
  context: ControllerContext,
  adapter: ReplicaAdapter<T>,
): Controller {
  const manager = new ReplicaManager(context, adapter);
  return {
    name: adapter.name,
    eventSource: adapter.eventSource,
    reconciles: adapter.kind as unknown as Kind,
    owns: [Pods as Kind],
    watches: [source(Pods, (pod, old) => manager.adoptersOf(pod, old))],
    reconcile: (key, signal) => manager.reconcile(key, signal),
  };
}

interface Action {
  readonly error: unknown;
  /** Pods were made or deleted: seeing that brings the owner here again. */
  readonly isActing: boolean;
}

const IDLE: Action = { error: undefined, isActing: false };

class ReplicaManager<T extends KubeObject> {
  readonly #context: ControllerContext;
  readonly #adapter: ReplicaAdapter<T>;
  readonly #owners: Lister<T>;
  readonly #pods: Lister<Pod>;
  readonly #ownWrites: OwnWrites;
  readonly #lastWrites = new LastWrites();

  constructor(context: ControllerContext, adapter: ReplicaAdapter<T>) {
    const { clock, informers } = context;
    const podInformer = informers.informer(Pods);
    indexOrphans(podInformer);
    this.#context = context;
    this.#adapter = adapter;
    this.#owners = informers.lister(adapter.kind);
    this.#pods = podInformer.lister;
    this.#ownWrites = new OwnWrites(clock, podInformer);
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const { kind } = this.#adapter;
    const owner = this.#owners.get(key);
    if (owner === undefined) {
      this.#ownWrites.forget(key);
      this.#lastWrites.forget(key);
      return {};
    }
    if (this.#lastWrites.isBehind(owner)) {
      if (kind.kind === "ReplicaSet") reportStale(this.#context.metrics, "replicaset", "apps", "replicasets");
      return {};
    }
    const rs = this.#adapter.asReplicaSet(owner);
    // Asked before the pods are read: what settles in between only delays the decision.
    const settled = this.#ownWrites.settled(key);
    const selector = selectorPredicate(rs.spec?.selector);
    const matches = (pod: Pod): boolean => selector(pod.metadata.labels);
    const candidates = [
      ...this.#pods.controlledBy(owner),
      ...orphansOf(this.#pods, owner.metadata.namespace),
    ];
    const claims = planClaims(owner, candidates.filter(isPodActive), matches);
    const active = await claim(this.#context.client, kind, owner, Pods, claims, signal);
    const terminating = candidates.filter(
      (pod) => isPodTerminating(pod) && isOwned(pod, owner) && matches(pod),
    );

    const act = settled && owner.metadata.deletionTimestamp === undefined;
    const { error, isActing } = act ? await this.#manageReplicas(owner, rs, active, signal) : IDLE;

    const nowMs = this.#context.clock.now();
    const failure = error === undefined ? undefined : messageOf(error);
    const status = this.#adapter.statusOf(planStatus(rs, active, terminating, failure, nowMs));
    // Pods that were made just now say the rest when they are seen: until then only the generation would be news.
    const isUnderWay = error === undefined && isActing && isOnlyObserved(status, rs.status);
    if (!equalJSON(status, rs.status) && !isUnderWay) {
      const write = this.#context.client.updateStatus(kind, { ...owner, status }, signal);
      this.#lastWrites.note(await unlessGone(write));
    }
    if (error !== undefined) throw error;
    const requeueAfterMs = settled ? nextAvailabilityInMs(rs, active, nowMs) : OWN_WRITES_TIMEOUT_MS;
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }

  /** Pods of all replica sets of the same owner, by which the crowded nodes are found. */
  #related(owner: T, active: readonly Pod[]): readonly Pod[] {
    const parent = controllerOf(owner);
    if (parent === undefined) return active;
    const siblings = this.#owners
      .list(owner.metadata.namespace)
      .filter((o) => controllerOf(o)?.uid === parent.uid);
    return siblings.flatMap((sibling) => this.#pods.controlledBy(sibling));
  }

  /** Gives the first error; what did succeed is remembered. */
  async #manageReplicas(
    owner: T,
    rs: ReplicaSet,
    active: readonly Pod[],
    signal: AbortSignal,
  ): Promise<Action> {
    const { kind } = this.#adapter;
    const related = active.length > desiredReplicas(rs) ? this.#related(owner, active) : active;
    const { create, remove } = plan(rs, active, related, this.#context.clock.now());
    const key = keyOf(owner);
    if (kind.kind === "ReplicaSet") this.#reportAges(active, remove);
    if (create > 0) {
      const pod = podFromTemplate(rs.spec!.template!, owner, kind);
      const { error } = await slowStartBatch(create, 1, async () => {
        this.#ownWrites.created(key, await createPod(this.#context, pod, owner, signal));
      });
      return { error: isNamespaceGone(error) ? undefined : error, isActing: true };
    }
    try {
      await forEachParallel(remove, async (pod) => {
        await deletePod(this.#context, pod, owner, signal);
        this.#ownWrites.deleted(key, pod);
      });
      return { error: undefined, isActing: remove.length > 0 };
    } catch (error) {
      return { error, isActing: true };
    }
  }

  /** How old the chosen pods are, against the youngest of those that are well. */
  #reportAges(active: readonly Pod[], chosen: readonly Pod[]): void {
    const { metrics, clock } = this.#context;
    if (metrics === undefined || chosen.length === 0) return;
    const nowMs = clock.now();
    const ageMs = ({ metadata }: Pod): number =>
      nowMs - (metadata.creationTimestamp === undefined ? nowMs : parseTime(metadata.creationTimestamp));
    const youngestMs = Math.min(...active.filter(isWell).map(ageMs));
    if (youngestMs <= 0) return;
    for (const pod of chosen.filter(isWell)) {
      const ratio = Math.trunc(ageMs(pod) / youngestMs);
      metrics.observe("replicaset_controller_sorting_deletion_age_ratio", {}, ratio);
    }
  }

  /** Orphans concern everyone who would adopt them. */
  adoptersOf(pod: Pod, old: Pod | undefined): readonly ObjectKey[] {
    if (controllerOf(pod) !== undefined || !isPodActive(pod)) return [];
    const wasOrphan = old !== undefined && controllerOf(old) === undefined;
    if (wasOrphan && equalJSON(old.metadata.labels, pod.metadata.labels)) return [];
    const selects = (owner: T): boolean =>
      selectorPredicate(this.#adapter.asReplicaSet(owner).spec?.selector)(pod.metadata.labels);
    return this.#owners.list(pod.metadata.namespace).filter(selects).map(keyOf);
  }
}

function isOnlyObserved(next: ReplicaSetStatus, stored: ReplicaSetStatus = { replicas: 0 }): boolean {
  const { observedGeneration } = next;
  return equalJSON(next, { terminatingReplicas: 0, ...stored, observedGeneration });
}

function isWell(pod: Pod): boolean {
  return pod.status?.phase === "Running" && isPodReady(pod);
}

function isOwned(pod: Pod, owner: KubeObject): boolean {
  return controllerOf(pod)?.uid === owner.metadata.uid;
}
