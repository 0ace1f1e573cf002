import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "#apimachinery";
import { FakeClock, systemClock } from "#apimachinery";
import { CronJobs } from "#api/batch/v1/cronjob";
import { Jobs } from "#api/batch/v1/job";
import type { CronJob, Job } from "#api/batch/v1/types.gen";
import { Events } from "#api/core/v1/event";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import type { Cluster } from "./controllers-cluster.ts";
import { startCluster } from "./controllers-cluster.ts";

const WATCHED = [CronJobs, Jobs, Pods, Events] as unknown as Kind[];
const TRACKING = "batch.kubernetes.io/job-tracking";
const HOUR_MS = 3_600_000;
const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "v1" }] } };

function jobs(cluster: Cluster): readonly Job[] {
  return cluster.informers.lister(Jobs).list("default");
}

function hasEnded({ status }: Job, type: string): boolean {
  return (status?.conditions ?? []).some(
    (condition) => condition.type === type && condition.status === "True",
  );
}

/** The pod ends with this exit code. */
async function exit({ client, signal }: Cluster, pod: Pod, exitCode: number): Promise<void> {
  const state = { terminated: { exitCode, finishedAt: "2026-01-01T00:00:00Z" } };
  const status = { name: "c", ready: false, restartCount: 0, image: "v1", imageID: "", state };
  const phase = exitCode === 0 ? "Succeeded" : "Failed";
  await client.updateStatus(
    Pods,
    { ...pod, status: { ...pod.status, phase, containerStatuses: [status] } },
    signal,
  );
}

test("a cron job runs Jobs at its times, keeps a few of them, and finished Jobs expire", async () => {
  const clock = new FakeClock(Math.ceil(systemClock.now() / HOUR_MS) * HOUR_MS + 1000);
  await using cluster = await startCluster(WATCHED, clock);
  const { client, signal, informers } = cluster;
  const spec = {
    schedule: "@hourly",
    successfulJobsHistoryLimit: 1,
    jobTemplate: { spec: { template, ttlSecondsAfterFinished: 24 * 3600 } },
  };
  const metadata = { name: "tick", namespace: "default" };
  await client.create(CronJobs, { apiVersion: "batch/v1", kind: "CronJob", metadata, spec }, signal);
  const find = (): CronJob | undefined => informers.lister(CronJobs).get("default/tick");
  await cluster.until("it is seen", WATCHED, find);
  const names = new Set<string>();
  for (let run = 1; run <= 3; run++) {
    for (let left = HOUR_MS; left > 0; left -= HOUR_MS / 4) await clock.advanceAsync(HOUR_MS / 4);
    const job = await cluster.until(`run ${run} has succeeded`, WATCHED, () =>
      jobs(cluster).find((found) => !names.has(found.metadata.name) && hasEnded(found, "Complete")),
    );
    names.add(job.metadata.name);
    await cluster.until("it is noted", WATCHED, () => {
      const { active, lastSuccessfulTime = "" } = find()?.status ?? {};
      // or a later one: a quarter of an hour goes by at a time, and the next Job may be done by now
      return active === undefined && lastSuccessfulTime >= job.status!.completionTime!;
    });
  }
  await cluster.until("only one is left", WATCHED, () => jobs(cluster).length === 1);
  await client.patch(CronJobs, metadata, { type: "merge", body: { spec: { suspend: true } } }, signal);
  await cluster.until("it is suspended", WATCHED, () => find()?.spec?.suspend);
  await cluster.until("nothing runs", WATCHED, () => jobs(cluster).every((job) => hasEnded(job, "Complete")));
  await clock.advanceAsync(24 * HOUR_MS);
  await cluster.until("the last Job expires", WATCHED, () => jobs(cluster).length === 0);
  assert.deepEqual(cluster.errors, []);
});

test("a Job fails by its failure policy, and succeeds by its success policy", async () => {
  await using cluster = await startCluster(WATCHED);
  const { client, signal, informers } = cluster;
  const create = (name: string, spec: Partial<NonNullable<Job["spec"]>>): Promise<Job> => {
    const job = { apiVersion: "batch/v1", kind: "Job", metadata: { name, namespace: "default" } } as const;
    return client.create(Jobs, { ...job, spec: { template, ...spec } }, signal);
  };
  const ended = (name: string, type: string) => (): Job | undefined =>
    jobs(cluster).find((job) => job.metadata.name === name && hasEnded(job, type));
  cluster.pauseKubelet();

  await create("strict", {
    parallelism: 2,
    completions: 2,
    podFailurePolicy: { rules: [{ action: "FailJob", onExitCodes: { operator: "In", values: [42] } }] },
  });
  const pods = (): readonly Pod[] =>
    informers
      .lister(Pods)
      .list("default")
      .filter(({ metadata }) => metadata.labels?.["job-name"] === "strict");
  await cluster.until("there are two", WATCHED, () => pods().length === 2);
  await exit(cluster, pods()[0]!, 42);
  const failed = await cluster.until("it has failed", WATCHED, ended("strict", "Failed"));
  const reason = failed.status?.conditions?.find(({ type }) => type === "Failed")?.reason;
  assert.deepEqual([reason, failed.status?.succeeded], ["PodFailurePolicy", undefined]);

  await create("leader", {
    parallelism: 2,
    completions: 2,
    completionMode: "Indexed",
    successPolicy: { rules: [{ succeededIndexes: "0" }] },
  });
  const leader = await cluster.until("the leader is there", WATCHED, () =>
    informers
      .lister(Pods)
      .list("default")
      .find(({ metadata }) => metadata.labels?.["batch.kubernetes.io/job-completion-index"] === "0"),
  );
  await exit(cluster, leader, 0);
  const complete = await cluster.until("it is complete", WATCHED, ended("leader", "Complete"));
  assert.equal(complete.status?.completedIndexes, "0");
  assert.deepEqual(cluster.errors, []);
});

test("pods of a Job that is deleted and orphans them are held no longer, also when another Job has its name", async () => {
  await using cluster = await startCluster(WATCHED);
  const { client, signal, informers } = cluster;
  const metadata = { name: "sums", namespace: "default" };
  const job = { apiVersion: "batch/v1", kind: "Job", metadata, spec: { template } } as Job;
  await client.create(Jobs, job, signal);
  const held = (): Pod | undefined =>
    informers
      .lister(Pods)
      .list("default")
      .find((pod) => pod.metadata.finalizers?.includes(TRACKING));
  const { metadata: orphan } = await cluster.until("its pod is held", WATCHED, held);
  await client.delete(Jobs, metadata, signal, { propagationPolicy: "Orphan" });
  await cluster.until("the Job is gone", WATCHED, () => jobs(cluster).length === 0);
  await client.create(Jobs, { ...job, spec: { template, suspend: true } }, signal);
  await cluster.until("the orphan is let go", WATCHED, () => {
    const pod = informers.lister(Pods).get(`default/${orphan.name}`);
    return pod?.metadata.uid === orphan.uid && !pod?.metadata.finalizers?.includes(TRACKING);
  });
});

test("a pod that is counted, and that the selector finds no longer, is let go of while the Job goes on", async () => {
  await using cluster = await startCluster(WATCHED);
  const { client, signal, informers } = cluster;
  cluster.pauseKubelet();
  const metadata = { name: "sums", namespace: "default" };
  const spec = { template, parallelism: 1, completions: 2 };
  await client.create(Jobs, { apiVersion: "batch/v1", kind: "Job", metadata, spec }, signal);
  const pods = (): readonly Pod[] => informers.lister(Pods).list("default");
  await exit(cluster, await cluster.until("the first is there", WATCHED, () => pods()[0]), 0);
  const counted = await cluster.until("one is counted", WATCHED, () =>
    pods().find(
      ({ status, metadata: { finalizers = [] } }) => status?.phase === "Succeeded" && finalizers.length === 0,
    ),
  );
  const body = { metadata: { labels: { "batch.kubernetes.io/controller-uid": null } } };
  await client.patch(Pods, counted.metadata, { type: "merge", body }, signal);
  await cluster.until("it has no owner", WATCHED, () => {
    const pod = informers.lister(Pods).get(`default/${counted.metadata.name}`);
    return (pod?.metadata.ownerReferences ?? []).length === 0;
  });
  assert.deepEqual(cluster.errors, []);
});

test("a Job of another controller is left to it, and counted", async () => {
  const elsewhere: string[] = [];
  const metrics = {
    inc: (name: string, labels: Readonly<Record<string, string>>) => {
      if (name === "job_controller_jobs_by_external_controller_total")
        elsewhere.push(labels["controller_name"] ?? "");
    },
    set: () => {},
    observe: () => {},
  };
  await using cluster = await startCluster(WATCHED, systemClock, metrics);
  const { client, signal, informers } = cluster;
  const create = (name: string, managedBy: string): Promise<Job> => {
    const metadata = { name, namespace: "default" };
    const job = { apiVersion: "batch/v1", kind: "Job", metadata, spec: { template, managedBy } } as const;
    return client.create(Jobs, job, signal);
  };
  await create("theirs", "example.com/other");
  await create("ours", "kubernetes.io/job-controller");
  const find = (name: string) => informers.lister(Jobs).get(`default/${name}`);
  await cluster.until("ours is done", WATCHED, () => {
    const ours = find("ours");
    return ours !== undefined && hasEnded(ours, "Complete");
  });
  const owners = informers
    .lister(Pods)
    .list("default")
    .map(({ metadata }) => metadata.labels?.["job-name"]);
  assert.deepEqual([owners, find("theirs")?.status ?? {}, elsewhere], [["ours"], {}, ["example.com/other"]]);
  assert.deepEqual(cluster.errors, []);
});
