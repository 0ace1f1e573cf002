/** Starts Jobs at the times that CronJobs name. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import {
  controllerOf,
  formatTime,
  isAlreadyExists,
  isNamespaceGone,
  isNotFound,
  messageOf,
  parseTime,
} from "#apimachinery";
import { CronJobs } from "#api/batch/v1/cronjob";
import { Jobs } from "#api/batch/v1/job";
import type { CronJob, CronJobStatus, Job } from "#api/batch/v1/types.gen";
import type { ObjectReference } from "#api/core/v1/types.gen";
import type { Lister } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { LastWrites } from "../last-writes.ts";
import { equalJSON } from "../template-hash.ts";
import { unlessGone } from "../unless-gone.ts";
import { refOf } from "./cron-job.ts";
import { nextDueInMs } from "./due.ts";
import type { Plan } from "./plan.ts";
import { plan, scheduleOf } from "./plan.ts";

/**
 * Safe on a stale cache: the Job of a run has a name made of its time, so that it cannot be started twice; nothing is
 * decided before the cache shows the last status written (`LastWrites`).
 */
export function cronJobController(context: ControllerContext): Controller {
  const runner = new CronJobRunner(context);
  return {
    name: "cronjob-controller",
    eventSource: "cronjob-controller",
    reconciles: CronJobs as unknown as Kind,
    owns: [Jobs as Kind],
    reconcile: (key, signal) => runner.reconcile(key, signal),
  };
}

class CronJobRunner {
  readonly #context: ControllerContext;
  readonly #cronJobs: Lister<CronJob>;
  readonly #jobs: Lister<Job>;
  readonly #lastWrites = new LastWrites();
  /** The schedules last seen; bounded by the CronJobs that exist. */
  readonly #schedules = new Map<ObjectKey, string>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#cronJobs = context.informers.lister(CronJobs);
    this.#jobs = context.informers.lister(Jobs);
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const cronJob = this.#cronJobs.get(key);
    if (cronJob === undefined) {
      this.#lastWrites.forget(key);
      this.#schedules.delete(key);
      return {};
    }
    if (this.#lastWrites.isBehind(cronJob)) return {};
    const wait = this.#waitForNewSchedule(key, cronJob);
    if (wait !== undefined) return wait;
    const jobs = this.#jobs.controlledBy(cronJob);
    const missing = await this.#missing(cronJob, jobs, signal);
    const p = plan(cronJob, { jobs, missing, nowMs: this.#context.clock.now() });
    for (const { type, reason, message } of p.events)
      this.#context.recorder.event(cronJob, type, reason, message);
    for (const job of p.remove) await this.#delete(cronJob, job, signal);
    const { status, error } = await this.#start(cronJob, p, signal);
    if (!equalJSON(status, cronJob.status ?? {})) {
      const write = this.#context.client.updateStatus(CronJobs, { ...cronJob, status }, signal);
      this.#lastWrites.note(await unlessGone(write));
    }
    if (error !== undefined && !isNamespaceGone(error)) throw error;
    return p.requeueAfterMs === undefined ? {} : { requeueAfterMs: p.requeueAfterMs };
  }

  /** A schedule that was changed counts from its next time on: times that it would have had are not made up for. */
  #waitForNewSchedule(key: ObjectKey, cronJob: CronJob): Result | undefined {
    const text = `${cronJob.spec?.timeZone ?? ""} ${cronJob.spec?.schedule ?? ""}`;
    const before = this.#schedules.get(key);
    this.#schedules.set(key, text);
    if (before === undefined || before === text) return undefined;
    const schedule = scheduleOf(cronJob);
    if (typeof schedule === "string") {
      const message = `unparseable schedule for cronjob: ${cronJob.spec?.schedule ?? ""}`;
      this.#context.recorder.event(cronJob, "Warning", "UnParseableCronJobSchedule", message);
      return {};
    }
    const requeueAfterMs = nextDueInMs(cronJob, this.#context.clock.now(), schedule);
    return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
  }

  /** The cache may not show a Job that was just started: the API server knows. */
  async #missing(
    { status }: CronJob,
    jobs: readonly Job[],
    signal: AbortSignal,
  ): Promise<ReadonlySet<string>> {
    const known = new Set(jobs.map(({ metadata }) => metadata.uid));
    const missing = new Set<string>();
    for (const { uid = "", name = "", namespace = "" } of status?.active ?? []) {
      if (known.has(uid)) continue;
      const job = await unlessGone(this.#context.client.get(Jobs, { name, namespace }, signal));
      if (job === undefined) missing.add(uid);
    }
    return missing;
  }

  async #start(
    cronJob: CronJob,
    { create, replace, status }: Plan,
    signal: AbortSignal,
  ): Promise<{ readonly status: CronJobStatus; readonly error?: unknown }> {
    if (create === undefined) return { status };
    let active: readonly ObjectReference[] = status.active ?? [];
    for (const ref of replace) {
      const metadata = { name: ref.name!, namespace: ref.namespace! };
      const isGone = await this.#delete(cronJob, { metadata }, signal);
      if (!isGone)
        return {
          status: withActive(status, active),
          error: new Error(`could not replace job ${metadata.namespace}/${metadata.name}`),
        };
      active = active.filter((other) => other !== ref);
    }
    try {
      const job = await this.#create(cronJob, create.job, create.scheduledMs, signal);
      if (job === undefined) return { status: withActive(status, active) };
      const lastScheduleTime = formatTime(create.scheduledMs);
      return { status: { ...withActive(status, [...active, refOf(job)]), lastScheduleTime } };
    } catch (error) {
      return { status: withActive(status, active), error };
    }
  }

  /** Undefined: another has this name, or it is known already. */
  async #create(
    cronJob: CronJob,
    job: Job,
    scheduledMs: number,
    signal: AbortSignal,
  ): Promise<Job | undefined> {
    const { client, recorder, metrics } = this.#context;
    try {
      const created = await client.create(Jobs, job, signal);
      const { creationTimestamp } = created.metadata;
      const skewMs = creationTimestamp === undefined ? 0 : parseTime(creationTimestamp) - scheduledMs;
      metrics?.observe("cronjob_controller_job_creation_skew_duration_seconds", {}, skewMs / 1_000);
      recorder.event(cronJob, "Normal", "SuccessfulCreate", `Created job ${created.metadata.name}`);
      return created;
    } catch (err) {
      if (isAlreadyExists(err)) {
        const existing = await client.get(Jobs, job.metadata, signal);
        return controllerOf(existing)?.uid === cronJob.metadata.uid ? existing : undefined;
      }
      if (!isNamespaceGone(err))
        recorder.event(cronJob, "Warning", "FailedCreate", `Error creating job: ${messageOf(err)}`);
      throw err;
    }
  }

  async #delete(
    cronJob: CronJob,
    { metadata }: Pick<Job, "metadata">,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { client, recorder } = this.#context;
    try {
      await client.delete(Jobs, metadata, signal, { propagationPolicy: "Background" });
    } catch (err) {
      if (!isNotFound(err)) {
        recorder.event(cronJob, "Warning", "FailedDelete", `Deleted job: ${messageOf(err)}`);
        return false;
      }
    }
    recorder.event(cronJob, "Normal", "SuccessfulDelete", `Deleted job ${metadata.name}`);
    return true;
  }
}

function withActive(
  { active: _active, ...status }: CronJobStatus,
  active: readonly ObjectReference[],
): CronJobStatus {
  return active.length === 0 ? status : { ...status, active };
}
