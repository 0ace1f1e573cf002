/** Makes room for a critical pod that the node lacks the resources for: other pods are told to end, and awaited. @module */
import { type Clock, formatTime, type Logger } from "#apimachinery";
import type { EventRecorder } from "#client";
import type { Pod } from "#api/core/v1/types.gen";
import { formatPod, specOf, uidOf } from "../container/pod-spec.ts";
import type { Rejection, Shortage } from "../lifecycle/admit.ts";
import type { KillOptions, PodFailure } from "../pod-workers/pod-worker.ts";
import { formatRequirements, planPreemption, type Requirement } from "./plan-preemption.ts";

export interface CriticalPodAdmissionOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
  /** Pods that hold resources of the node, with what each of them holds. */
  readonly heldPods: () => readonly Pod[];
  readonly terminate: (uid: string, options: KillOptions) => void;
  /** Resolves once nothing of the pod holds resources, or kubelet stops. */
  readonly whenGone: (uid: string) => Promise<void>;
  readonly onPreemption: (resource: string) => void;
}

const REASON = "Preempting";
const MESSAGE = "Preempted in order to admit critical pod";
const CONDITION_MESSAGE = "Pod was preempted by Kubelet to accommodate a critical pod.";
/** A pod gets half as much again as its grace period, and no less than this, before the next one has its place. */
const TIMEOUT_MIN_SECONDS = 10;
const GRACE_DEFAULT_SECONDS = 30;

export class CriticalPodAdmission {
  readonly #options: CriticalPodAdmissionOptions;

  constructor(options: CriticalPodAdmissionOptions) {
    this.#options = options;
  }

  /** Resolves to why no room can be made. A pod that does not end in time is waited for no longer. */
  async makeRoom(
    preemptor: Pod,
    shortages: readonly Shortage[],
    signal: AbortSignal,
  ): Promise<Rejection | undefined> {
    const { heldPods, logger } = this.#options;
    const requirements = shortages.map(({ resource, amount }) => ({ resource, amount }));
    const victims = planPreemption(preemptor, heldPods(), requirements);
    if (victims === undefined) {
      const why = `no set of running pods found to reclaim resources: ${formatRequirements(requirements)}`;
      const error = `preemption: error finding a set of pods to preempt: ${why}`;
      const message = `Unexpected error while attempting to recover from admission failure: ${error}`;
      return { reason: "UnexpectedAdmissionError", message: `Pod was rejected: ${message}` };
    }
    logger.info("Making room for a critical pod", {
      pod: formatPod(preemptor),
      victims: victims.map(formatPod),
    });
    await Promise.all(victims.map((victim) => this.#preempt(victim, requirements, signal)));
    return undefined;
  }

  async #preempt(pod: Pod, requirements: readonly Requirement[], signal: AbortSignal): Promise<void> {
    const { clock, recorder, terminate, onPreemption, whenGone } = this.#options;
    const uid = uidOf(pod);
    recorder.event(pod, "Warning", REASON, MESSAGE);
    terminate(uid, { failure: failureOf(pod, clock.now()) });
    const graceSeconds = specOf(pod).terminationGracePeriodSeconds ?? GRACE_DEFAULT_SECONDS;
    const timeoutMs = Math.max(graceSeconds * 1.5, TIMEOUT_MIN_SECONDS) * 1000;
    if (!(await inTime(whenGone(uid), clock, timeoutMs, signal))) {
      const late = "Container runtime did not kill the pod within specified grace period.";
      recorder.event(pod, "Warning", "ExceededGracePeriod", late);
      return;
    }
    onPreemption(requirements[0]?.resource ?? "");
  }
}

function failureOf({ metadata: { generation } }: Pod, nowMs: number): PodFailure {
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "TerminationByKubelet",
    message: CONDITION_MESSAGE,
    lastTransitionTime: formatTime(nowMs),
    ...(generation !== undefined && { observedGeneration: generation }),
  } as const;
  return { reason: REASON, message: MESSAGE, condition };
}

async function inTime(
  done: Promise<void>,
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const end = new AbortController();
  const late = clock.sleep(timeoutMs, AbortSignal.any([signal, end.signal])).then(
    () => false,
    // Kubelet stops, or the pod has gone.
    () => true,
  );
  try {
    return await Promise.race([done.then(() => true), late]);
  } finally {
    end.abort();
    await late;
  }
}
