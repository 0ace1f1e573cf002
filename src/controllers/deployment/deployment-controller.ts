/** Rolls out the pod template of each Deployment by creating and resizing ReplicaSets. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { controllerOf, isAlreadyExists, isNamespaceGone, keyOf, messageOf } from "#apimachinery";
import { Deployments } from "#api/apps/v1/deployment";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import type { Deployment, DeploymentStatus, ReplicaSet } from "#api/apps/v1/types.gen";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import type { Lister } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { claim, controllerKeys, planClaims } from "../controller-ref-manager.ts";
import { indexOrphans, orphansOf } from "../indexes.ts";
import { LastWrites } from "../last-writes.ts";
import { OWN_WRITES_TIMEOUT_MS, OwnWrites } from "../own-writes.ts";
import { isPodTerminal } from "#api/core/v1/pod-state";
import { isEmptySelector, selectorPredicate } from "../selector.ts";
import { equalJSON } from "../template-hash.ts";
import { unlessGone } from "../unless-gone.ts";
import { REVISION } from "./annotations.ts";
import { newCondition, withCondition } from "./conditions.ts";
import { progressDeadlineMs } from "./fenceposts.ts";
import type { Plan } from "./plan.ts";
import { plan } from "./plan.ts";
import { isSameTemplate, partition } from "./replica-sets.ts";
import { planRollback } from "./rollback.ts";

/**
 * Safe on a stale cache: ReplicaSets have names derived from their template, so none is created twice, and every
 * update carries the resourceVersion it was decided on, so a stale decision fails with a conflict. Nothing is decided
 * before the cache shows the last writes of this controller (`LastWrites`) and the ReplicaSets it made (`OwnWrites`): a
 * new template that does not see the ReplicaSet of the last one would start another beside it in full size.
 */
export function deploymentController(context: ControllerContext): Controller {
  const rollouts = new Rollouts(context);
  return {
    name: "deployment-controller",
    eventSource: "deployment-controller",
    reconciles: Deployments as Kind,
    owns: [ReplicaSets as Kind],
    watches: [
      source(ReplicaSets, (rs) => rollouts.adopters(rs)),
      source(Pods, (pod, old, change) => (isGone(pod, old, change) ? rollouts.recreatingOwner(pod) : [])),
    ],
    reconcile: (key, signal) => rollouts.reconcile(key, signal),
  };
}

class Rollouts {
  readonly #context: ControllerContext;
  readonly #deployments: Lister<Deployment>;
  readonly #replicaSets: Lister<ReplicaSet>;
  readonly #pods: Lister<Pod>;
  readonly #lastWrites = new LastWrites();
  readonly #lastSetWrites = new LastWrites();
  readonly #ownWrites: OwnWrites;

  constructor(context: ControllerContext) {
    const { informers } = context;
    const replicaSetInformer = informers.informer(ReplicaSets);
    indexOrphans(replicaSetInformer);
    this.#context = context;
    this.#deployments = informers.lister(Deployments);
    this.#replicaSets = replicaSetInformer.lister;
    this.#ownWrites = new OwnWrites(context.clock, replicaSetInformer);
    this.#pods = informers.lister(Pods);
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const d = this.#deployments.get(key);
    if (d === undefined) {
      this.#lastWrites.forget(key);
      this.#ownWrites.forget(key);
      return {};
    }
    if (this.#isBehind(d)) return {};
    if (!this.#ownWrites.settled(key)) return { requeueAfterMs: OWN_WRITES_TIMEOUT_MS };
    if (isEmptySelector(d.spec?.selector)) return this.#refuseSelectingAll(d, signal);
    const owned = await this.#claimReplicaSets(d, signal);
    if (await this.#rollBack(d, owned, signal)) return {};
    const p = plan(d, { owned, livePods: this.#livePods(owned), nowMs: this.#context.clock.now() });

    if (p.create !== undefined && (await this.#createReplicaSet(d, p.create, signal)) === "wait") return {};
    for (const { from, to } of p.update) await this.#updateReplicaSet(d, from, to, signal);
    for (const rs of p.remove) await this.#removeReplicaSet(rs, signal);
    await this.#writeStatus(d, p, signal);
    return p.requeueAfterMs === undefined ? {} : { requeueAfterMs: p.requeueAfterMs };
  }

  /** When the cache shows what was written, that change brings the Deployment here again. */
  #isBehind(d: Deployment): boolean {
    if (this.#lastWrites.isBehind(d)) return true;
    return this.#replicaSets.controlledBy(d).some((rs) => this.#lastSetWrites.isBehind(rs));
  }

  async #refuseSelectingAll(d: Deployment, signal: AbortSignal): Promise<Result> {
    const message = "This deployment is selecting all pods. A non-empty selector is required.";
    this.#context.recorder.event(d, "Warning", "SelectingAll", message);
    const observedGeneration = d.metadata.generation ?? 0;
    if ((d.status?.observedGeneration ?? 0) < observedGeneration) {
      await this.#context.client.updateStatus(
        Deployments,
        { ...d, status: { ...d.status, observedGeneration } },
        signal,
      );
    }
    return {};
  }

  #claimReplicaSets(d: Deployment, signal: AbortSignal): Promise<readonly ReplicaSet[]> {
    const selector = selectorPredicate(d.spec?.selector);
    const candidates = [
      ...this.#replicaSets.controlledBy(d),
      ...orphansOf(this.#replicaSets, d.metadata.namespace),
    ];
    const claims = planClaims(d, candidates, (rs) => selector(rs.metadata.labels));
    return claim(this.#context.client, Deployments, d, ReplicaSets, claims, signal);
  }

  #livePods(owned: readonly ReplicaSet[]): ReadonlyMap<string, number> {
    const count = (rs: ReplicaSet): number =>
      this.#pods.controlledBy(rs).filter((pod) => !isPodTerminal(pod)).length;
    return new Map(owned.map((rs) => [rs.metadata.uid ?? "", count(rs)]));
  }

  /** True: the Deployment was written, which brings it here again. */
  async #rollBack(d: Deployment, owned: readonly ReplicaSet[], signal: AbortSignal): Promise<boolean> {
    const isHeld = d.spec?.paused === true || d.metadata.deletionTimestamp !== undefined;
    if (isHeld || partition(d, owned).current === undefined) return false;
    const rollback = planRollback(d, owned);
    if (rollback === undefined) return false;
    const { type, reason, message } = rollback.event;
    const written = await unlessGone(this.#context.client.update(Deployments, rollback.deployment, signal));
    this.#lastWrites.note(written);
    if (written !== undefined) this.#context.recorder.event(d, type, reason, message);
    return true;
  }

  /** "wait": the ReplicaSet exists and is ours, only the cache does not show it yet. */
  async #createReplicaSet(d: Deployment, rs: ReplicaSet, signal: AbortSignal): Promise<"created" | "wait"> {
    try {
      this.#ownWrites.created(keyOf(d), await this.#context.client.create(ReplicaSets, rs, signal));
    } catch (err) {
      if (isAlreadyExists(err)) return this.#resolveCollision(d, rs, err, signal);
      if (!isNamespaceGone(err)) await this.#reportCreateError(d, rs, err, signal);
      throw err;
    }
    const replicas = rs.spec?.replicas ?? 0;
    if (replicas > 0) {
      this.#context.recorder.event(
        d,
        "Normal",
        "ScalingReplicaSet",
        `Scaled up replica set ${rs.metadata.name} from 0 to ${replicas}`,
      );
    }
    return "created";
  }

  /** Another template with the same hash: the collision count changes the next one. */
  async #resolveCollision(d: Deployment, rs: ReplicaSet, err: unknown, signal: AbortSignal): Promise<"wait"> {
    const existing = await this.#context.client.get(ReplicaSets, rs.metadata, signal);
    const isOurs = controllerOf(existing)?.uid === d.metadata.uid;
    if (isOurs && isSameTemplate(existing.spec?.template, d.spec?.template)) {
      this.#ownWrites.created(keyOf(d), existing);
      return "wait";
    }
    const collisionCount = (d.status?.collisionCount ?? 0) + 1;
    await this.#context.client.updateStatus(
      Deployments,
      { ...d, status: { ...d.status, collisionCount } },
      signal,
    );
    throw err;
  }

  async #reportCreateError(d: Deployment, rs: ReplicaSet, err: unknown, signal: AbortSignal): Promise<void> {
    const reason = "ReplicaSetCreateError";
    const message = `Failed to create new replica set ${JSON.stringify(rs.metadata.name)}: ${messageOf(err)}`;
    this.#context.recorder.event(d, "Warning", reason, message);
    if (progressDeadlineMs(d) === undefined) return;
    const condition = newCondition("Progressing", "False", reason, message, this.#context.clock.now());
    const conditions = withCondition(d.status?.conditions ?? [], condition);
    if (conditions !== d.status?.conditions) {
      await this.#context.client.updateStatus(
        Deployments,
        { ...d, status: { ...d.status, conditions } },
        signal,
      );
    }
  }

  async #updateReplicaSet(
    d: Deployment,
    from: ReplicaSet,
    to: ReplicaSet,
    signal: AbortSignal,
  ): Promise<void> {
    const updated = await unlessGone(this.#context.client.update(ReplicaSets, to, signal));
    if (updated === undefined) return;
    this.#lastSetWrites.note(updated);
    const [old, size] = [from.spec?.replicas ?? 1, to.spec?.replicas ?? 1];
    if (old === size) return;
    const direction = old < size ? "up" : "down";
    const message = `Scaled ${direction} replica set ${to.metadata.name} from ${old} to ${size}`;
    this.#context.recorder.event(d, "Normal", "ScalingReplicaSet", message);
  }

  async #removeReplicaSet(rs: ReplicaSet, signal: AbortSignal): Promise<void> {
    this.#lastSetWrites.forget(keyOf(rs));
    const preconditions = { uid: rs.metadata.uid! };
    await unlessGone(this.#context.client.delete(ReplicaSets, rs.metadata, signal, { preconditions }));
  }

  /** The revision is an annotation, which is written with the status, as upstream: it is no change of generation. */
  async #writeStatus(d: Deployment, { revision, status }: Plan, signal: AbortSignal): Promise<void> {
    if (revision === undefined && isSameStatus(status, d.status)) return;
    const annotations = {
      ...d.metadata.annotations,
      ...(revision !== undefined && { [REVISION]: revision }),
    };
    const next = { ...d, metadata: { ...d.metadata, annotations }, status };
    const write = this.#context.client.updateStatus(Deployments, next, signal);
    this.#lastWrites.note(await unlessGone(write));
  }

  /** An orphan concerns every Deployment that would adopt it. */
  adopters(rs: ReplicaSet): readonly ObjectKey[] {
    if (controllerOf(rs) !== undefined || rs.metadata.deletionTimestamp !== undefined) return [];
    const candidates = this.#deployments.list(rs.metadata.namespace);
    return candidates.filter((d) => selectorPredicate(d.spec?.selector)(rs.metadata.labels)).map(keyOf);
  }

  /** Only Recreate waits for pods; the others learn of them through the ReplicaSet's status. */
  recreatingOwner(pod: Pod): readonly ObjectKey[] {
    const keys = controllerKeys(ReplicaSets, pod);
    const owners = keys.map((key) => this.#replicaSets.get(key)).filter((rs) => rs !== undefined);
    const candidates = owners.flatMap((rs) => controllerKeys(Deployments, rs));
    return candidates.filter((key) => this.#deployments.get(key)?.spec?.strategy?.type === "Recreate");
  }
}

function isGone(pod: Pod, old: Pod | undefined, change: "add" | "update" | "delete"): boolean {
  return change === "delete" || (isPodTerminal(pod) && old !== undefined && !isPodTerminal(old));
}

/** The order of conditions means nothing. */
function isSameStatus(a: DeploymentStatus, b: DeploymentStatus | undefined): boolean {
  return equalJSON(sortedByType(a), sortedByType(b ?? {}));
}

function sortedByType(status: DeploymentStatus): DeploymentStatus {
  const conditions = (status.conditions ?? []).toSorted((x, y) => (x.type < y.type ? -1 : 1));
  return { ...status, conditions };
}
