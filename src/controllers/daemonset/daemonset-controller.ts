/** Keeps one pod of each DaemonSet on every node that it is for. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { isAlreadyExists, isNamespaceGone, keyOf } from "#apimachinery";
import { ControllerRevisions } from "#api/apps/v1/controllerrevision";
import { DaemonSets } from "#api/apps/v1/daemonset";
import type { ControllerRevision, DaemonSet } from "#api/apps/v1/types.gen";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Node, Pod } from "#api/core/v1/types.gen";
import type { Lister } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { slowStartBatch, source } from "#controller-runtime";
import { forEachParallel } from "../batch.ts";
import { adoptersOf, claim, controllerKeys, planClaims } from "../controller-ref-manager.ts";
import { indexOrphans, orphansOf } from "../indexes.ts";
import { LastWrites } from "../last-writes.ts";
import { OWN_WRITES_TIMEOUT_MS, OwnWrites } from "../own-writes.ts";
import { createPod, deletePod } from "../pod-control.ts";
import { isEmptySelector, selectorPredicate } from "../selector.ts";
import { reportStale } from "../stale-syncs.ts";
import { equalJSON } from "../template-hash.ts";
import { unlessGone } from "../unless-gone.ts";
import { daemonPod, eligibility, nodeNameOf, REVISION_HASH } from "./eligible.ts";
import { FailedPods } from "./failed-pods.ts";
import { hashOf, planHistory, surplusRevisions } from "./history.ts";
import type { Plan } from "./place.ts";
import { nextAvailabilityInMs, placesOf, plan, planStatus } from "./plan.ts";

/**
 * Safe on a stale cache: pods are created and deleted only when the cache shows all earlier creations and deletions
 * of this controller for the same object (`OwnWrites`); revisions have names derived from the template.
 */
export function daemonSetController(context: ControllerContext): Controller {
  const daemons = new Daemons(context);
  return {
    name: "daemonset-controller",
    eventSource: "daemonset-controller",
    reconciles: DaemonSets as Kind,
    owns: [Pods as Kind],
    watches: [
      // Not when one is new: what somebody adds by hand stays until the DaemonSet has other work.
      source(ControllerRevisions, (revision, old = revision, change) =>
        change === "add" ? [] : [revision, old].flatMap((one) => controllerKeys(DaemonSets, one)),
      ),
      source(Pods, (pod) => daemons.adoptersOf(pod)),
      source(Nodes, (node, old, change) => daemons.concernedBy(node, old, change)),
    ],
    reconcile: (key, signal) => daemons.reconcile(key, signal),
  };
}

class Daemons {
  readonly #context: ControllerContext;
  readonly #daemonSets: Lister<DaemonSet>;
  readonly #revisions: Lister<ControllerRevision>;
  readonly #nodes: Lister<Node>;
  readonly #pods: Lister<Pod>;
  readonly #ownWrites: OwnWrites;
  readonly #lastWrites = new LastWrites();
  readonly #failedPods: FailedPods;

  constructor(context: ControllerContext) {
    const { clock, informers } = context;
    const pods = informers.informer(Pods);
    indexOrphans(pods);
    this.#context = context;
    this.#daemonSets = informers.lister(DaemonSets);
    const revisions = informers.informer(ControllerRevisions);
    indexOrphans(revisions);
    this.#revisions = revisions.lister;
    this.#nodes = informers.lister(Nodes);
    this.#pods = pods.lister;
    this.#ownWrites = new OwnWrites(clock, pods);
    this.#failedPods = new FailedPods(clock);
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const ds = this.#daemonSets.get(key);
    if (ds === undefined) {
      this.#ownWrites.forget(key);
      this.#lastWrites.forget(key);
      return {};
    }
    if (this.#lastWrites.isBehind(ds)) {
      reportStale(this.#context.metrics, "daemonset", "apps", "daemonsets");
      return {};
    }
    if (isEmptySelector(ds.spec?.selector)) {
      const message = "This daemon set is selecting all pods. A non-empty selector is required.";
      this.#context.recorder.event(ds, "Warning", "SelectingAll", message);
      return {};
    }
    if (ds.metadata.deletionTimestamp !== undefined) return {};
    const settled = this.#ownWrites.settled(key);
    const revisions = await this.#claimRevisions(ds, signal);
    const revision = await this.#currentRevision(ds, revisions, signal);
    const pods = await this.#claimPods(ds, signal);
    // The pods' new labels will say when it goes on.
    if (await this.#mergeDuplicates(ds, revisions, pods, hashOf(revision), signal)) return {};
    const places = placesOf(ds, this.#nodes.list(), pods);
    const nowMs = this.#context.clock.now();
    const waits: number[] = [];
    const mayReplace = (node: string): boolean => {
      const waitMs = this.#failedPods.waitMs(`${ds.metadata.uid}/${ds.metadata.generation}/${node}`);
      if (waitMs > 0) waits.push(waitMs);
      return waitMs === 0;
    };
    if (settled) {
      const p = plan(ds, places, hashOf(revision), nowMs, mayReplace);
      await this.#carryOut(ds, p, hashOf(revision), signal);
    }
    await this.#removeSurplusRevisions(ds, revisions, pods, signal);
    const status = planStatus(ds, places, hashOf(revision), nowMs);
    if (!equalJSON(status, ds.status)) {
      const write = this.#context.client.updateStatus(DaemonSets, { ...ds, status }, signal);
      this.#lastWrites.note(await unlessGone(write));
    }
    waits.push(settled ? (nextAvailabilityInMs(ds, pods, nowMs) ?? Infinity) : OWN_WRITES_TIMEOUT_MS);
    const requeueAfterMs = Math.min(...waits);
    return requeueAfterMs === Infinity ? {} : { requeueAfterMs };
  }

  #claimPods(ds: DaemonSet, signal: AbortSignal): Promise<readonly Pod[]> {
    const selector = selectorPredicate(ds.spec?.selector);
    const candidates = [...this.#pods.controlledBy(ds), ...orphansOf(this.#pods, ds.metadata.namespace)];
    const claims = planClaims(ds, candidates, ({ metadata }) => selector(metadata.labels));
    return claim(this.#context.client, DaemonSets, ds, Pods, claims, signal);
  }

  /** A revision without the label of its hash goes by its name from then on. */
  async #claimRevisions(ds: DaemonSet, signal: AbortSignal): Promise<readonly ControllerRevision[]> {
    const { client } = this.#context;
    const selector = selectorPredicate(ds.spec?.selector);
    const orphans = orphansOf(this.#revisions, ds.metadata.namespace);
    const candidates = [...this.#revisions.controlledBy(ds), ...orphans];
    const claims = planClaims(ds, candidates, ({ metadata }) => selector(metadata.labels));
    const owned = await claim(client, DaemonSets, ds, ControllerRevisions, claims, signal);
    return await Promise.all(
      owned.map(async (revision) => {
        const { labels = {}, name } = revision.metadata;
        if (labels[REVISION_HASH] !== undefined) return revision;
        const metadata = { ...revision.metadata, labels: { ...labels, [REVISION_HASH]: name } };
        return await client.update(ControllerRevisions, { ...revision, metadata }, signal);
      }),
    );
  }

  async #currentRevision(
    ds: DaemonSet,
    revisions: readonly ControllerRevision[],
    signal: AbortSignal,
  ): Promise<ControllerRevision> {
    const { client } = this.#context;
    const { current, isOutdated } = planHistory(ds, revisions);
    if (isOutdated) return await client.update(ControllerRevisions, current, signal);
    if (current.metadata.uid !== undefined) return current;
    try {
      return await client.create(ControllerRevisions, current, signal);
    } catch (err) {
      if (!isAlreadyExists(err)) throw err;
      const existing = await client.get(ControllerRevisions, current.metadata, signal);
      if (equalJSON(existing.data, current.data)) return existing;
      // Another template with the same hash: the collision count changes the next one.
      const collisionCount = (ds.status?.collisionCount ?? 0) + 1;
      const counts = {
        currentNumberScheduled: 0,
        desiredNumberScheduled: 0,
        numberMisscheduled: 0,
        numberReady: 0,
      };
      await client.updateStatus(
        DaemonSets,
        { ...ds, status: { ...counts, ...ds.status, collisionCount } },
        signal,
      );
      throw err;
    }
  }

  /** Makes pods of other revisions of the same template those of the current one, and removes these revisions. */
  async #mergeDuplicates(
    ds: DaemonSet,
    revisions: readonly ControllerRevision[],
    pods: readonly Pod[],
    hash: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { client } = this.#context;
    const { duplicates } = planHistory(ds, revisions);
    if (duplicates.length === 0) return false;
    const hashes = new Set<string | undefined>(duplicates.map(hashOf));
    await forEachParallel(
      pods.filter(({ metadata }) => hashes.has(metadata.labels?.[REVISION_HASH])),
      ({ metadata }) => {
        const body = { metadata: { uid: metadata.uid, labels: { [REVISION_HASH]: hash } } };
        return unlessGone(client.patch(Pods, metadata, { type: "merge", body }, signal));
      },
    );
    await forEachParallel(duplicates, ({ metadata }) =>
      unlessGone(client.delete(ControllerRevisions, metadata, signal)),
    );
    return true;
  }

  async #carryOut(
    ds: DaemonSet,
    { create, remove, failed }: Plan,
    hash: string,
    signal: AbortSignal,
  ): Promise<void> {
    const key = keyOf(ds);
    for (const pod of failed) {
      const isFailed = pod.status?.phase === "Failed";
      const reason = isFailed ? "FailedDaemonPod" : "SucceededDaemonPod";
      const what = isFailed ? "failed daemon pod" : "succeeded daemon pod";
      const message = `Found ${what} ${keyOf(pod)} on node ${nodeNameOf(pod) ?? ""}, will try to ${isFailed ? "kill" : "delete"} it`;
      this.#context.recorder.event(ds, isFailed ? "Warning" : "Normal", reason, message);
    }
    const { error } = await slowStartBatch(create.length, 1, async (index) => {
      const pod = daemonPod(ds, create[index]!, hash);
      this.#ownWrites.created(key, await createPod(this.#context, pod, ds, signal));
    });
    await forEachParallel(remove, async (pod) => {
      await deletePod(this.#context, pod, ds, signal);
      this.#ownWrites.deleted(key, pod);
    });
    if (error !== undefined && !isNamespaceGone(error)) throw error;
  }

  async #removeSurplusRevisions(
    ds: DaemonSet,
    revisions: readonly ControllerRevision[],
    pods: readonly Pod[],
    signal: AbortSignal,
  ): Promise<void> {
    const { old } = planHistory(ds, revisions);
    await forEachParallel(surplusRevisions(ds, old, pods), ({ metadata }) =>
      unlessGone(this.#context.client.delete(ControllerRevisions, metadata, signal)),
    );
  }

  /** An orphan concerns every DaemonSet that would adopt it. */
  adoptersOf(pod: Pod): readonly ObjectKey[] {
    return adoptersOf(this.#daemonSets, pod);
  }

  /** A heartbeat concerns nobody; a change of labels or taints those whose eligibility changes by it. */
  concernedBy(node: Node, old: Node | undefined, change: "add" | "update" | "delete"): readonly ObjectKey[] {
    if (change === "update" && old !== undefined && isSamePlace(node, old)) return [];
    const isConcerned = (ds: DaemonSet): boolean =>
      old === undefined || !equalJSON(eligibility(ds, node), eligibility(ds, old));
    return this.#daemonSets.list().filter(isConcerned).map(keyOf);
  }
}

function isSamePlace(a: Node, b: Node): boolean {
  return equalJSON([a.metadata.labels, a.spec?.taints], [b.metadata.labels, b.spec?.taints]);
}
