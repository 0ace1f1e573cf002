/** The phase of a pod from the states of its containers. Pure. @module */
import type { Container, ContainerStateTerminated, ContainerStatus, Pod } from "#api/core/v1/types.gen";
import {
  containersOf,
  initContainersOf,
  isRestartableInit,
  isStaticPod,
  shouldRestart,
} from "../container/pod-spec.ts";
import { RESTARTING_ALL } from "../container/restart-all.ts";

export type PodPhase = "Pending" | "Running" | "Succeeded" | "Failed";

export interface PhaseInput {
  readonly pod: Pod;
  /** Of regular and init containers. */
  readonly statuses: readonly ContainerStatus[];
  /** Nothing of the pod runs any more, and nothing will. */
  readonly isTerminal: boolean;
  /** A regular container has run before. */
  readonly hasInitialized: boolean;
}

interface Counts {
  running: number;
  waiting: number;
  stopped: number;
  succeeded: number;
  unknown: number;
  /** Stopped ones that their policy does not start again. */
  stoppedForGood: number;
}

export function podPhase(input: PhaseInput): PodPhase {
  const { pod, isTerminal, hasInitialized } = input;
  const init = initProgress(input);
  if (init.failed > 0) return "Failed";

  const counts: Counts = { running: 0, waiting: 0, stopped: 0, succeeded: 0, unknown: 0, stoppedForGood: 0 };
  const pendingSidecars = countSidecars(input, counts);
  for (const container of containersOf(pod))
    countRegular(pod, container, statusNamed(input, container), counts);

  if (init.pending > 0 || (pendingSidecars > 0 && !hasInitialized) || counts.waiting > 0) return "Pending";
  if (counts.unknown > 0) return "Pending";
  if (counts.running > 0) return "Running";
  if (counts.stopped === 0) return "Pending";
  if (!(isTerminal && !isStaticPod(pod)) && counts.stopped !== counts.stoppedForGood) return "Running";
  return counts.stopped === counts.succeeded ? "Succeeded" : "Failed";
}

function initProgress(input: PhaseInput): { readonly pending: number; readonly failed: number } {
  let pending = 0;
  let failed = 0;
  for (const container of initContainersOf(input.pod)) {
    if (isRestartableInit(container)) continue;
    const status = statusNamed(input, container);
    const waiting = status?.state?.waiting !== undefined;
    const ended = status?.state?.terminated ?? (waiting ? status.lastState?.terminated : undefined);
    if (ended === undefined) pending += 1;
    else if (ended.exitCode !== 0 && !runsAgain(container, input.pod, ended)) failed += 1;
  }
  return { pending, failed };
}

/** Sidecars that have ended do not count; those that have not started yet keep the pod pending. */
function countSidecars(input: PhaseInput, counts: Counts): number {
  let pending = 0;
  for (const container of initContainersOf(input.pod)) {
    if (!isRestartableInit(container)) continue;
    const status = statusNamed(input, container);
    if (status === undefined) counts.unknown += 1;
    else if (status.state?.running !== undefined) {
      if (status.started !== true) pending += 1;
      counts.running += 1;
    } else if (status.state?.waiting !== undefined && status.lastState?.terminated === undefined) {
      pending += 1;
      counts.waiting += 1;
    }
  }
  return pending;
}

function countRegular(
  pod: Pod,
  container: Container,
  status: ContainerStatus | undefined,
  counts: Counts,
): void {
  const ended = status?.state?.terminated;
  const endedBefore = status?.state?.waiting === undefined ? undefined : status.lastState?.terminated;
  if (status === undefined) counts.unknown += 1;
  else if (status.state?.running !== undefined) counts.running += 1;
  else if (ended !== undefined) {
    counts.stopped += 1;
    if (ended.exitCode === 0) counts.succeeded += 1;
    if (!runsAgain(container, pod, ended)) counts.stoppedForGood += 1;
  } else if (endedBefore !== undefined) {
    counts.stopped += 1;
    if (!runsAgain(container, pod, endedBefore)) counts.stoppedForGood += 1;
  } else if (status.state?.waiting !== undefined) counts.waiting += 1;
  else counts.unknown += 1;
}

function runsAgain(container: Container, pod: Pod, { exitCode, reason }: ContainerStateTerminated): boolean {
  return reason === RESTARTING_ALL || shouldRestart(container, pod, exitCode);
}

function statusNamed(input: PhaseInput, { name }: Container): ContainerStatus | undefined {
  return input.statuses.find((status) => status.name === name);
}
