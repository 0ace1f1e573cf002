/**
 * Times pods from when they were made until the API shows their containers as started: upstream's service level of the
 * start of pods (sig-scalability's pod startup latency SLI).
 * @module
 */
import { type Clock, parseTime } from "#apimachinery";
import { isTerminalPhase } from "#api/core/v1/pod-state";
import type { Pod } from "#api/core/v1/types.gen";
import { initContainersOf, isRestartableInit, specOf, uidOf } from "../container/pod-spec.ts";
import type { RuntimeContainer } from "../container/runtime-pod.ts";
import type { PodTimes } from "./pod-times.ts";

/** Pulls of one pod that fail again and again. */
const PULLS_MAX = 100;

interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

interface State {
  readonly pulls: Span[];
  /** Starts of pulls that have not succeeded yet. */
  readonly pulling: number[];
  /** How long init containers ran, by their id. */
  readonly initMs: Map<string, number>;
  /** Kubelet has told that all containers run. */
  isTold: boolean;
}

export class PodStartup {
  readonly #metrics: PodTimes;
  readonly #clock: Clock;
  /** Pods that are not measured yet; bounded, as the next, by the pods of the node. */
  readonly #pods = new Map<string, State>();
  /** Pods that are not measured: they had to wait for the scheduler, or are done. */
  readonly #excluded = new Set<string>();
  #hasSeenNetwork = false;

  constructor(metrics: PodTimes, clock: Clock) {
    this.#metrics = metrics;
    this.#clock = clock;
  }

  /** The API shows the pod so. */
  observed(pod: Pod): void {
    const uid = uidOf(pod);
    if (isTerminalPhase(pod.status?.phase)) return void this.#pods.delete(uid);
    if (this.#excluded.has(uid)) return;
    if (isUnschedulable(pod)) return this.#exclude(uid);
    const state = this.#pods.get(uid);
    if (state === undefined) {
      if (pod.status?.startTime === undefined) this.#pods.set(uid, newState());
      return;
    }
    if (!state.isTold || !hasStarted(pod)) return;
    this.#exclude(uid);
    this.#measure(pod, state);
  }

  /** Kubelet has written the pod's status, and this is the answer. */
  statusWritten(pod: Pod): void {
    const state = this.#pods.get(uidOf(pod));
    if (state !== undefined && hasStarted(pod)) state.isTold = true;
  }

  pullStarted(uid: string): void {
    const pulling = this.#pods.get(uid)?.pulling ?? [];
    if (pulling.length < PULLS_MAX) pulling.push(this.#clock.now());
  }

  pullEnded(uid: string): void {
    const state = this.#pods.get(uid);
    const startMs = state?.pulling.shift();
    if (state !== undefined && startMs !== undefined) state.pulls.push({ startMs, endMs: this.#clock.now() });
  }

  /** The runtime shows the pod's containers so. */
  saw(pod: Pod, containers: readonly RuntimeContainer[]): void {
    const initMs = this.#pods.get(uidOf(pod))?.initMs;
    if (initMs === undefined) return;
    const names = new Set(initContainersOf(pod).flatMap((c) => (isRestartableInit(c) ? [] : c.name)));
    for (const { id, name, state, startedAtMs, finishedAtMs } of containers)
      if (names.has(name) && state === "exited" && startedAtMs > 0)
        initMs.set(id, Math.max(0, finishedAtMs - startedAtMs));
  }

  forget(uid: string): void {
    this.#pods.delete(uid);
    this.#excluded.delete(uid);
  }

  #exclude(uid: string): void {
    this.#pods.delete(uid);
    this.#excluded.add(uid);
  }

  #measure(pod: Pod, { pulls, initMs }: State): void {
    const { creationTimestamp } = pod.metadata;
    if (creationTimestamp === undefined) return;
    const totalMs = this.#clock.now() - parseTime(creationTimestamp);
    this.#metrics.startTotalSeconds.observe(totalMs / 1000);
    if (isStateful(pod)) return;
    const spentMs = covered(pulls) + [...initMs.values()].reduce((sum, ms) => sum + ms, 0);
    const sliSeconds = (totalMs - spentMs) / 1000;
    this.#metrics.startSLISeconds.observe(sliSeconds);
    if (specOf(pod).hostNetwork === true || this.#hasSeenNetwork) return;
    this.#hasSeenNetwork = true;
    this.#metrics.firstNetworkStartSeconds.set(sliSeconds);
  }
}

function newState(): State {
  return { pulls: [], pulling: [], initMs: new Map(), isTold: false };
}

/** Time in which at least one of them was under way; they come in the order of their starts. */
export function covered(spans: readonly Span[]): number {
  let totalMs = 0;
  let reachedMs = -Infinity;
  for (const { startMs, endMs } of spans) {
    totalMs += Math.max(0, endMs - Math.max(startMs, reachedMs));
    reachedMs = Math.max(reachedMs, endMs);
  }
  return totalMs;
}

function hasStarted({ status }: Pod): boolean {
  const statuses = status?.containerStatuses ?? [];
  return statuses.every(({ state }) => state?.running?.startedAt !== undefined);
}

/** It mounts what outlasts it, or what others have made. */
function isStateful(pod: Pod): boolean {
  return (specOf(pod).volumes ?? []).some(
    ({ secret, configMap, downwardAPI, emptyDir, projected }) =>
      (secret ?? configMap ?? downwardAPI ?? emptyDir ?? projected) === undefined,
  );
}

function isUnschedulable({ status }: Pod): boolean {
  return (status?.conditions ?? []).some(
    (condition) => condition.type === "PodScheduled" && condition.status === "False",
  );
}
