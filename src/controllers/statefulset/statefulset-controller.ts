/** Keeps the pods of StatefulSets: each with a name, a number and storage of its own. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { isAlreadyExists, isNamespaceGone, keyOf } from "#apimachinery";
import { ControllerRevisions } from "#api/apps/v1/controllerrevision";
import { StatefulSets } from "#api/apps/v1/statefulset";
import type { ControllerRevision, StatefulSet } from "#api/apps/v1/types.gen";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { Pods } from "#api/core/v1/pod";
import type { PersistentVolumeClaim, Pod } from "#api/core/v1/types.gen";
import type { Lister } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { slowStartBatch, source } from "#controller-runtime";
import { forEachParallel } from "../batch.ts";
import { adoptersOf, claim, planClaims } from "../controller-ref-manager.ts";
import { indexOrphans, orphansOf } from "../indexes.ts";
import { LastWrites } from "../last-writes.ts";
import { OWN_WRITES_TIMEOUT_MS, OwnWrites } from "../own-writes.ts";
import { isEmptySelector, selectorPredicate } from "../selector.ts";
import { reportStale } from "../stale-syncs.ts";
import { equalJSON } from "../template-hash.ts";
import { unlessGone } from "../unless-gone.ts";
import { atRevision, planHistory, renamedRevision, surplusRevisions } from "./history.ts";
import { isInRange, ordinalOf, ordinalRange } from "./identity.ts";
import type { Plan } from "./plan.ts";
import { maxUnavailableOf, plan } from "./plan.ts";
import type { StatefulPodControl } from "./stateful-pod-control.ts";
import { carryOut } from "./stateful-pod-control.ts";
import { isUnavailable, nextAvailabilityInMs } from "./status.ts";

/** Names of revisions tried before giving up until the next reconcile. */
const COLLISIONS_MAX = 16;

interface Current {
  readonly update: ControllerRevision;
  readonly current: ControllerRevision;
  readonly collisionCount: number;
}

/**
 * Safe on a stale cache: pods have fixed names, and nothing is decided before the cache shows all earlier creations
 * and deletions (`OwnWrites`) and the last status written (`LastWrites`).
 */
export function statefulSetController(context: ControllerContext): Controller {
  const sets = new StatefulSetRunner(context);
  return {
    name: "statefulset-controller",
    eventSource: "statefulset-controller",
    reconciles: StatefulSets as Kind,
    owns: [Pods as Kind, ControllerRevisions as unknown as Kind],
    watches: [
      source(Pods, (pod) => sets.adoptersOf(pod)),
      source(PersistentVolumeClaims, (pvc, _old, change) => (change === "delete" ? sets.usersOf(pvc) : [])),
    ],
    reconcile: (key, signal) => sets.reconcile(key, signal),
  };
}

class StatefulSetRunner {
  readonly #context: ControllerContext;
  readonly #sets: Lister<StatefulSet>;
  readonly #revisions: Lister<ControllerRevision>;
  readonly #pods: Lister<Pod>;
  readonly #claims: Lister<PersistentVolumeClaim>;
  readonly #ownWrites: OwnWrites;
  readonly #lastWrites = new LastWrites();

  constructor(context: ControllerContext) {
    const { clock, informers } = context;
    const pods = informers.informer(Pods);
    const revisions = informers.informer(ControllerRevisions);
    indexOrphans(pods);
    indexOrphans(revisions);
    this.#context = context;
    this.#sets = informers.lister(StatefulSets);
    this.#revisions = revisions.lister;
    this.#pods = pods.lister;
    this.#claims = informers.lister(PersistentVolumeClaims);
    this.#ownWrites = new OwnWrites(clock, pods);
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const set = this.#sets.get(key);
    if (set === undefined) {
      this.#ownWrites.forget(key);
      this.#lastWrites.forget(key);
      return {};
    }
    const { metrics } = this.#context;
    if (this.#lastWrites.isBehind(set)) {
      reportStale(metrics, "statefulset", "apps", "statefulsets");
      return {};
    }
    if (isEmptySelector(set.spec?.selector)) return {};
    if (!this.#ownWrites.settled(key)) {
      reportStale(metrics, "statefulset", "", "pods");
      return { requeueAfterMs: OWN_WRITES_TIMEOUT_MS };
    }
    const owned = await this.#claimRevisions(set, signal);
    // The garbage collector takes the revisions of a set that goes: making them anew would never end.
    const isEnding = set.metadata.deletionTimestamp !== undefined;
    if (isEnding && planHistory(set, owned).update.metadata.uid === undefined) return {};
    const pods = await this.#claimPods(set, signal);
    const { update, current, collisionCount } = await this.#currentRevisions(set, owned, signal).catch(
      async (err: unknown) => {
        // What keeps the revision from being written may be that there are too many.
        await this.#truncateHistory(surplusRevisions(set, owned, [], pods), signal);
        throw err;
      },
    );
    const nowMs = this.#context.clock.now();
    const p = plan(set, {
      pods,
      claim: (name) => this.#claim(set, name),
      revisions: { current: current.metadata.name, update: update.metadata.name, collisionCount },
      currentSet: atRevision(set, current),
      updateSet: atRevision(set, update),
      nowMs,
    });
    this.#reportUnavailable(set, pods, nowMs);
    const error = await this.#carryOut(set, p, signal);
    if (!equalJSON(p.status, set.status)) {
      const write = this.#context.client.updateStatus(StatefulSets, { ...set, status: p.status }, signal);
      this.#lastWrites.note(await unlessGone(write));
    }
    await this.#truncateHistory(surplusRevisions(set, owned, [current, update], pods), signal);
    if (error !== undefined) throw error;
    const requeueAfterMs = nextAvailabilityInMs(set, pods, nowMs);
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }

  #truncateHistory(surplus: readonly ControllerRevision[], signal: AbortSignal): Promise<void> {
    return forEachParallel(surplus, ({ metadata }) =>
      unlessGone(this.#context.client.delete(ControllerRevisions, metadata, signal)),
    );
  }

  #reportUnavailable(set: StatefulSet, pods: readonly Pod[], nowMs: number): void {
    const { metrics } = this.#context;
    const max = maxUnavailableOf(set);
    if (metrics === undefined || max === undefined) return;
    const { start, end } = ordinalRange(set);
    const available = pods.filter(
      (pod) => isInRange(set, ordinalOf(set, pod) ?? -1) && !isUnavailable(set, pod, nowMs),
    );
    const labels = {
      statefulset_namespace: set.metadata.namespace ?? "",
      statefulset_name: set.metadata.name,
      pod_management_policy: set.spec?.podManagementPolicy ?? "OrderedReady",
    };
    metrics.set("statefulset_controller_statefulset_max_unavailable", labels, max);
    const unavailable = end - start - available.length;
    metrics.set("statefulset_controller_statefulset_unavailable_replicas", labels, unavailable);
  }

  #claimPods(set: StatefulSet, signal: AbortSignal): Promise<readonly Pod[]> {
    const selector = selectorPredicate(set.spec?.selector);
    const candidates = [...this.#pods.controlledBy(set), ...orphansOf(this.#pods, set.metadata.namespace)];
    const claims = planClaims(
      set,
      candidates,
      (pod) => selector(pod.metadata.labels) && ordinalOf(set, pod) !== undefined,
    );
    return claim(this.#context.client, StatefulSets, set, Pods, claims, signal);
  }

  /** Revisions are never released: those that the selector does not find are not looked at. */
  #claimRevisions(set: StatefulSet, signal: AbortSignal): Promise<readonly ControllerRevision[]> {
    const selector = selectorPredicate(set.spec?.selector);
    const orphans = orphansOf(this.#revisions, set.metadata.namespace);
    const candidates = [...this.#revisions.controlledBy(set), ...orphans];
    const { owned, adopt } = planClaims(set, candidates, ({ metadata }) => selector(metadata.labels));
    const claims = { owned, adopt, release: [] };
    return claim(this.#context.client, StatefulSets, set, ControllerRevisions, claims, signal);
  }

  async #currentRevisions(
    set: StatefulSet,
    owned: readonly ControllerRevision[],
    signal: AbortSignal,
  ): Promise<Current> {
    const { client } = this.#context;
    const { update, isOutdated, current } = planHistory(set, owned);
    const collisionCount = set.status?.collisionCount ?? 0;
    if (isOutdated) {
      const renumbered = await client.update(ControllerRevisions, update, signal);
      return { update: renumbered, current: current ?? renumbered, collisionCount };
    }
    if (update.metadata.uid !== undefined) return { update, current: current ?? update, collisionCount };
    const created = await this.#createRevision(set, update, collisionCount, signal);
    return { ...created, current: current ?? created.update };
  }

  /** Another template with the same hash: the collision count changes the name. */
  async #createRevision(
    set: StatefulSet,
    revision: ControllerRevision,
    collisionCount: number,
    signal: AbortSignal,
  ): Promise<Omit<Current, "current">> {
    const { client } = this.#context;
    for (let count = collisionCount; count < collisionCount + COLLISIONS_MAX; count++) {
      const named = renamedRevision(set, revision, count);
      try {
        return { update: await client.create(ControllerRevisions, named, signal), collisionCount: count };
      } catch (err) {
        if (!isAlreadyExists(err)) throw err;
        const existing = await client.get(ControllerRevisions, named.metadata, signal);
        // Also one of an earlier set of this name, which goes with that: it is made anew then, under the same name.
        if (equalJSON(existing.data, named.data)) return { update: existing, collisionCount: count };
      }
    }
    throw new Error(`StatefulSet ${keyOf(set)}: no free name for a revision in ${COLLISIONS_MAX} tries`);
  }

  /** Returns the first error, so that the status is written all the same. */
  async #carryOut(set: StatefulSet, { steps, isParallel }: Plan, signal: AbortSignal): Promise<unknown> {
    const key = keyOf(set);
    const control: StatefulPodControl = {
      context: this.#context,
      claim: (owner, name) => this.#claim(owner, name),
      created: (pod) => this.#ownWrites.created(key, pod),
      deleted: (pod) => this.#ownWrites.deleted(key, pod),
    };
    const { error } = isParallel
      ? await slowStartBatch(steps.length, 1, (i) => carryOut(control, set, steps[i]!, signal))
      : await inOrder(steps, (step) => carryOut(control, set, step, signal));
    return isNamespaceGone(error) ? undefined : error;
  }

  #claim({ metadata }: StatefulSet, name: string): PersistentVolumeClaim | undefined {
    return this.#claims.get(`${metadata.namespace}/${name}`);
  }

  /** An orphan concerns every StatefulSet that would adopt it. */
  adoptersOf(pod: Pod): readonly ObjectKey[] {
    return adoptersOf(this.#sets, pod);
  }

  /** A pod may wait for a claim of its name to be gone. */
  usersOf({ metadata: { name, namespace } }: PersistentVolumeClaim): readonly ObjectKey[] {
    const isOf = (set: StatefulSet): boolean =>
      (set.spec?.volumeClaimTemplates ?? []).some((template) =>
        name.startsWith(`${template.metadata.name}-${set.metadata.name}-`),
      );
    return this.#sets.list(namespace).filter(isOf).map(keyOf);
  }
}

async function inOrder<T>(
  items: readonly T[],
  call: (item: T) => Promise<void>,
): Promise<{ readonly error: unknown }> {
  for (const item of items) {
    try {
      await call(item);
    } catch (error) {
      return { error };
    }
  }
  return { error: undefined };
}
