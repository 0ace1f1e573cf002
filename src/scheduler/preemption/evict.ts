/** Carries out a preemption: takes promises back, tells the victims and deletes them. @module */
import { Pods } from "#api/core/v1/pod";
import { isNotFound, unless } from "#apimachinery";
import { eventOptions } from "../event-options.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { Handle } from "../framework/handle.ts";
import { withDisruptionTarget } from "../pod-conditions.ts";
import type { Candidate } from "./plan.ts";

/** Resolves when every victim is deleted or about to be; rejects if one could not be. */
export async function evict(
  handle: Handle,
  { node, victims }: Candidate,
  preemptor: PodInfo,
  signal: AbortSignal,
): Promise<void> {
  const going = victims.filter(({ isTerminating }) => !isTerminating);
  await Promise.all(going.map((victim) => evictOne(handle, victim, preemptor, node.name, signal)));
}

/** A victim that has its node in this scheduler's memory only is turned back without the API. */
async function evictOne(
  { client, recorder, clock, waitingPods }: Handle,
  { pod, uid }: PodInfo,
  preemptor: PodInfo,
  nodeName: string,
  signal: AbortSignal,
): Promise<void> {
  const message = `Preempted by pod ${preemptor.uid} on node ${nodeName}`;
  const about = { ...eventOptions(preemptor.pod, "Preempting"), related: preemptor.pod };
  if (waitingPods.get(uid)?.preempt("DefaultPreemption", "preempted") === true) {
    recorder.event(pod, "Normal", "Preempted", `${message} (in kube-scheduler memory).`, about);
    return;
  }
  const schedulerName = preemptor.pod.spec?.schedulerName ?? "";
  try {
    const body = withDisruptionTarget(pod, schedulerName, clock.now());
    if (body !== undefined)
      await client.patch(Pods, pod.metadata, { type: "strategic", body }, signal, { subresource: "status" });
    await client.delete(Pods, pod.metadata, signal, { preconditions: { uid } });
  } catch (err) {
    if (isNotFound(err)) return; // gone by itself
    throw err;
  }
  recorder.event(pod, "Normal", "Preempted", message, about);
}

/** Less important pods that were promised room on the node look elsewhere. */
export async function takePromisesBack(
  { client }: Pick<Handle, "client">,
  pods: readonly PodInfo[],
  signal: AbortSignal,
): Promise<void> {
  const body = { status: { nominatedNodeName: null } };
  await Promise.all(
    pods.map(({ pod: { metadata } }) =>
      unless(
        isNotFound,
        client.patch(Pods, metadata, { type: "strategic", body }, signal, { subresource: "status" }),
      ),
    ),
  );
}
