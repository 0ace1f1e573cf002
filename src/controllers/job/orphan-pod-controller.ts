/** Lets go of pods that no Job will ever count: their Job is gone, has ended, or somebody took them from it. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { controllerOf, keyOf } from "#apimachinery";
import { Jobs } from "#api/batch/v1/job";
import type { Job } from "#api/batch/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { Pods } from "#api/core/v1/pod";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";
import { isFinished } from "./plan.ts";
import { isHeld, TRACKING_FINALIZER } from "./tracking.ts";

/**
 * Upstream's `syncOrphanPod`. Safe on a stale cache: a pod has its Job in this cache before it is made, and the patch
 * carries the resourceVersion it was decided on.
 */
export function jobOrphanPodController({ client, informers }: ControllerContext): Controller {
  const jobs = informers.lister(Jobs);
  const pods = informers.lister(Pods);

  /** Whether a Job counts this pod, now or later. */
  function isCounted(pod: Pod): boolean {
    const owner = controllerOf(pod);
    if (owner === undefined) return false;
    if (owner.kind !== Jobs.kind || !owner.apiVersion.startsWith(`${Jobs.group}/`)) return true; // not ours to touch
    const job = jobs.get(`${pod.metadata.namespace}/${owner.name}`);
    if (job === undefined || job.metadata.uid !== owner.uid) return false;
    return !isFinished(job) || job.spec?.managedBy !== undefined;
  }

  /** Another Job may have the name by now: its key says nothing of these. */
  function heldBy(job: Job): readonly ObjectKey[] {
    return pods.controlledBy(job).filter(isHeld).map(keyOf);
  }

  return {
    name: "job-orphan-pod-controller",
    eventSource: "job-controller",
    reconciles: Pods as Kind,
    enqueues: (pod) => isHeld(pod as Pod) && !isCounted(pod as Pod),
    watches: [
      source(Jobs, (job, old, change) => {
        if (change === "delete") return heldBy(job);
        return old !== undefined && old.metadata.uid !== job.metadata.uid ? heldBy(old) : [];
      }),
    ],
    async reconcile(key, signal): Promise<Result> {
      const pod = pods.get(key);
      if (pod === undefined || !isHeld(pod) || isCounted(pod)) return {};
      const { uid, resourceVersion } = pod.metadata;
      const finalizers = (pod.metadata.finalizers ?? []).filter((name) => name !== TRACKING_FINALIZER);
      const body = { metadata: { uid, resourceVersion, finalizers } };
      await unlessGone(client.patch(Pods, pod.metadata, { type: "merge", body }, signal));
      return {};
    },
  };
}
