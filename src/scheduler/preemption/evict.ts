/** Carries out a preemption: takes promises back, tells the victims and deletes them. @module */
import { Pods } from "#api/core/v1/pod";
import { isNotFound, type Clock } from "#apimachinery";
import type { Client, EventRecorder } from "#client";
import type { PodInfo } from "../cache/pod-info.ts";
import { withDisruptionTarget } from "../pod-conditions.ts";
import type { Candidate } from "./plan.ts";

export interface EvictionParts {
  readonly client: Client;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
}

/** Resolves when every victim is deleted or about to be; rejects if one could not be. */
export async function evict(
  parts: EvictionParts,
  { node, victims }: Candidate,
  preemptor: PodInfo,
  signal: AbortSignal,
): Promise<void> {
  const going = victims.filter(({ isTerminating }) => !isTerminating);
  await Promise.all(going.map((victim) => evictOne(parts, victim, preemptor, node.name, signal)));
}

async function evictOne(
  { client, recorder, clock }: EvictionParts,
  { pod, uid }: PodInfo,
  preemptor: PodInfo,
  nodeName: string,
  signal: AbortSignal,
): Promise<void> {
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
  recorder.event(pod, "Normal", "Preempted", `Preempted by pod ${preemptor.uid} on node ${nodeName}`);
}

/** Less important pods that were promised room on the node look elsewhere. */
export async function takePromiseBack(
  { client }: EvictionParts,
  { pod }: PodInfo,
  signal: AbortSignal,
): Promise<void> {
  const body = { status: { nominatedNodeName: null } };
  try {
    await client.patch(Pods, pod.metadata, { type: "strategic", body }, signal, { subresource: "status" });
  } catch (err) {
    if (!isNotFound(err)) throw err;
  }
}
