/** Runs pods until as many as a Job asks for have succeeded. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { controllerOf, isNamespaceGone, keyOf } from "#apimachinery";
import { Jobs } from "#api/batch/v1/job";
import type { Job } from "#api/batch/v1/types.gen";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { isPodTerminal } from "#api/core/v1/pod-state";
import type { Lister, MetricsSink } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { slowStartBatch, source } from "#controller-runtime";
import { forEachParallel } from "../batch.ts";
import { adoptersOf, claim, controllerKeys, planClaims } from "../controller-ref-manager.ts";
import { indexOrphans, orphansOf } from "../indexes.ts";
import { LastWrites } from "../last-writes.ts";
import { OWN_WRITES_TIMEOUT_MS, OwnWrites } from "../own-writes.ts";
import { createPod, deletePod } from "../pod-control.ts";
import { selectorPredicate } from "../selector.ts";
import { equalJSON } from "../template-hash.ts";
import { unlessGone } from "../unless-gone.ts";
import type { BackoffRecord } from "./backoff.ts";
import { NO_FAILURES } from "./backoff.ts";
import {
  actionOf,
  reportCreations,
  reportElsewhere,
  reportFailures,
  reportFinalizer,
  reportStatus,
  reportSync,
  type SyncAction,
} from "./metrics.ts";
import { reportStale } from "../stale-syncs.ts";
import { jobPod } from "./job-pod.ts";
import { OpenPods } from "./open-pods.ts";
import type { Plan } from "./plan.ts";
import { afterActing, isFinished, plan } from "./plan.ts";
import { ReleasedPods } from "./released-pods.ts";
import { SyncPauses } from "./sync-pauses.ts";
import { isHeld, TRACKING_FINALIZER } from "./tracking.ts";

/**
 * Safe on a stale cache: pods are created and deleted only when the cache shows all earlier ones (`OwnWrites`), and
 * nothing is counted before it shows the last status written (`LastWrites`).
 */
export function jobController(context: ControllerContext): Controller {
  const runner = new JobRunner(context);
  return {
    name: "job-controller",
    eventSource: "job-controller",
    reconciles: Jobs as Kind,
    owns: [Pods as Kind],
    watches: [
      source(Pods, (pod, old, change) => {
        noteEnd(context.metrics, pod, old);
        if (change !== "delete")
          for (const key of controllerKeys(Jobs, pod)) runner.openPods.changed(key, pod, old);
        return runner.adoptersOf(pod);
      }),
      source(Jobs, (job, old) => {
        if (old === undefined && isManagedElsewhere(job))
          reportElsewhere(context.metrics, job.spec!.managedBy!);
        return [];
      }),
    ],
    reconcile: (key, signal) => runner.reconcile(key, signal),
  };
}

interface Done {
  readonly created: number;
  readonly removed: readonly Pod[];
  readonly error: unknown;
}

class JobRunner {
  readonly openPods: OpenPods;
  readonly #context: ControllerContext;
  readonly #pauses: SyncPauses;
  readonly #jobs: Lister<Job>;
  readonly #pods: Lister<Pod>;
  readonly #ownWrites: OwnWrites;
  readonly #lastWrites = new LastWrites();
  /** Bounded by the Jobs that run. */
  readonly #backoffs = new Map<ObjectKey, BackoffRecord>();
  readonly #released = new ReleasedPods();

  constructor(context: ControllerContext) {
    const { clock, informers } = context;
    const pods = informers.informer(Pods);
    indexOrphans(pods);
    this.#context = context;
    this.#jobs = informers.lister(Jobs);
    this.#pods = pods.lister;
    this.#ownWrites = new OwnWrites(clock, pods);
    this.openPods = new OpenPods(pods);
    this.#pauses = new SyncPauses(clock);
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const job = this.#jobs.get(key);
    if (job !== undefined && isManagedElsewhere(job)) return {};
    if (job === undefined || job.metadata.deletionTimestamp !== undefined || isFinished(job)) {
      this.#forget(key);
      await this.#releaseAll(key, job, signal);
      return {};
    }
    const { metrics, clock } = this.#context;
    if (this.#lastWrites.isBehind(job)) {
      reportStale(metrics, "job", "batch", "jobs");
      return {};
    }
    const leftMs = this.#pauses.leftMs(key, job);
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    const startMs = clock.monotonicMs();
    const run: { action: SyncAction } = { action: "reconciling" };
    const report = (result: "success" | "error"): void =>
      reportSync(metrics, job, result, run.action, (clock.monotonicMs() - startMs) / 1_000);
    try {
      const result = await this.#sync(key, job, run, signal);
      report("success");
      return result;
    } catch (err) {
      report("error");
      this.#pauses.forget(key);
      this.openPods.forget(key);
      throw err;
    }
  }

  async #sync(key: ObjectKey, job: Job, run: { action: SyncAction }, signal: AbortSignal): Promise<Result> {
    const { metrics } = this.#context;
    const settled = this.#ownWrites.settled(key);
    const pods = await this.#claimPods(key, job, signal);
    this.#pauses.begin(key, job, pods.length);
    const backoff = this.#backoffs.get(key) ?? NO_FAILURES;
    const released = this.#released.shownBy(key, pods);
    const nowMs = this.#context.clock.now();
    const p = plan(job, { pods, backoff, settled, released, nowMs });
    run.action = actionOf(p);
    const { created, removed, error } = await this.#carryOut(job, p, signal);
    const status = afterActing(p.status, created, removed);
    if (!equalJSON(status, job.status)) {
      const write = this.#context.client.updateStatus(Jobs, { ...job, status }, signal);
      const written = await unlessGone(write);
      this.#lastWrites.note(written);
      if (written !== undefined) reportStatus(metrics, job, status);
      reportFailures(metrics, job, p.newlyFailed);
      for (const { type, reason, message } of p.events)
        this.#context.recorder.event(job, type, reason, message);
    }
    // Only now: a failure is remembered once its pod is noted, or a second try would count it twice.
    this.#backoffs.set(key, p.backoff);
    await forEachParallel(p.release, async (pod) => {
      await this.#release(pod, signal);
      released.add(pod.metadata.uid!);
    });
    if (error !== undefined) throw error;
    const requeueAfterMs = settled ? p.requeueAfterMs : OWN_WRITES_TIMEOUT_MS;
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }

  #forget(key: ObjectKey): void {
    this.#ownWrites.forget(key);
    this.#lastWrites.forget(key);
    this.#backoffs.delete(key);
    this.#released.forget(key);
    this.#pauses.forget(key);
    this.openPods.forget(key);
  }

  #claimPods(key: ObjectKey, job: Job, signal: AbortSignal): Promise<readonly Pod[]> {
    const selector = selectorPredicate(job.spec?.selector);
    const candidates = [...this.openPods.of(key, job), ...orphansOf(this.#pods, job.metadata.namespace)];
    const claims = planClaims(job, candidates, ({ metadata }) => selector(metadata.labels));
    return claim(this.#context.client, Jobs, job, Pods, claims, signal, TRACKING_FINALIZER);
  }

  /** What was done, and the first error. */
  async #carryOut(
    job: Job,
    { create, replaces, remove, isSurplus, status }: Plan,
    signal: AbortSignal,
  ): Promise<Done> {
    const key = keyOf(job);
    const removed: Pod[] = [];
    await forEachParallel(remove, async (pod) => {
      if (isSurplus) await this.#release(pod, signal);
      await deletePod(this.#context, pod, job, signal);
      this.#ownWrites.deleted(key, pod);
      removed.push(pod);
    });
    const { successes, error } = await slowStartBatch(create.length, 1, async (i) => {
      const pod = jobPod(job, create[i], replaces.get(create[i] ?? -1));
      this.#ownWrites.created(key, await createPod(this.#context, pod, job, signal));
    });
    reportCreations(this.#context.metrics, job, status, successes, error === undefined ? 0 : 1);
    return { created: successes, removed, error: isNamespaceGone(error) ? undefined : error };
  }

  /** Nobody counts these pods any more. */
  async #releaseAll(key: ObjectKey, job: Job | undefined, signal: AbortSignal): Promise<void> {
    const isOurs = (pod: Pod): boolean => job === undefined || controllerOf(pod)?.uid === job.metadata.uid;
    await forEachParallel(this.openPods.heldBy(key).filter(isOurs), (pod) => this.#release(pod, signal));
  }

  async #release({ metadata }: Pod, signal: AbortSignal): Promise<void> {
    const { uid, resourceVersion } = metadata;
    const finalizers = (metadata.finalizers ?? []).filter((name) => name !== TRACKING_FINALIZER);
    const body = { metadata: { uid, resourceVersion, finalizers } };
    await unlessGone(this.#context.client.patch(Pods, metadata, { type: "merge", body }, signal));
  }

  /** An orphan concerns every Job that would adopt it. */
  adoptersOf(pod: Pod): readonly ObjectKey[] {
    return adoptersOf(this.#jobs, pod);
  }
}

/** Pods that ended with the finalizer, and those that lost it since. */
function noteEnd(metrics: MetricsSink | undefined, pod: Pod, old: Pod | undefined): void {
  const before = old !== undefined && isHeld(old) && isPodTerminal(old);
  if (isHeld(pod) && isPodTerminal(pod) && !before) reportFinalizer(metrics, "add");
  else if (before && !isHeld(pod)) reportFinalizer(metrics, "delete");
}

function isManagedElsewhere({ spec }: Job): boolean {
  return spec?.managedBy !== undefined && spec.managedBy !== "kubernetes.io/job-controller";
}
