/** The part of the decision that is about init containers, sidecars among them. Pure. @module */
import type { Container, Pod } from "#api/core/v1/types.gen";
import { containersOf, initContainersOf, isRestartableInit, shouldRestart } from "../container/pod-spec.ts";
import { findContainer, type RuntimeContainer, type RuntimePod } from "../container/runtime-pod.ts";
import {
  containerChanged,
  type ContainerToKill,
  killUnknown,
  type KillReason,
  type ProbeResults,
} from "./actions.ts";

export interface InitActions {
  /** The regular containers may run. */
  readonly initialized: boolean;
  /** Initialisation has failed for good. */
  readonly killPod: boolean;
  readonly toStart: readonly number[];
  readonly toKill: readonly ContainerToKill[];
}

interface Step {
  readonly start?: number;
  readonly kill?: ContainerToKill;
  /** The last init container is done. */
  readonly initialized?: boolean;
  readonly fail?: boolean;
}

/**
 * Goes from the last init container to the first: finished ones may have been garbage-collected, so that the last one
 * that is known decides where to go on. Sidecars before it are kept running.
 */
export function computeInitContainerActions(
  pod: Pod,
  runtime: RuntimePod,
  probes: ProbeResults,
): InitActions {
  const init = initContainersOf(pod);
  if (init.length === 0) return { initialized: true, killPod: false, toStart: [], toKill: [] };

  let initialized = containersOf(pod).some((c) => {
    const state = findContainer(runtime, c.name)?.state;
    return state === "created" || state === "running";
  });
  let previouslyInitialized = initialized;
  const toStart: number[] = [];
  const toKill: ContainerToKill[] = [];

  for (let index = init.length - 1; index >= 0; index--) {
    const container = init[index]!;
    const status = findContainer(runtime, container.name);
    const sidecar = isRestartableInit(container);
    if (status === undefined) {
      if (previouslyInitialized && sidecar) toStart.push(index);
      continue;
    }
    if (previouslyInitialized && !sidecar) continue;
    const at = { index, last: index === init.length - 1, previouslyInitialized };
    const steps = sidecar ? planSidecar(container, status, at, probes) : planInit(container, pod, status, at);
    for (const step of steps) {
      if (step.fail === true) return { initialized: false, killPod: true, toStart: [], toKill: [] };
      if (step.initialized === true) initialized = true;
      if (step.start !== undefined) toStart.push(step.start);
      if (step.kill !== undefined) toKill.push(step.kill);
    }
    previouslyInitialized = true;
  }
  if (!previouslyInitialized) toStart.push(0);
  return { initialized, killPod: false, toStart: toStart.toReversed(), toKill };
}

interface Position {
  readonly index: number;
  readonly last: boolean;
  readonly previouslyInitialized: boolean;
}

/** A plain init container runs once to success before the next one starts. */
function planInit(container: Container, pod: Pod, status: RuntimeContainer, at: Position): readonly Step[] {
  const { index, last } = at;
  switch (status.state) {
    case "created":
      return [{ start: index }];
    case "running":
      return [];
    case "exited":
      if (status.exitCode === 0) return [last ? { initialized: true } : { start: index + 1 }];
      return shouldRestart(container, pod, status.exitCode) ? [{ start: index }] : [{ fail: true }];
    case "unknown":
    default:
      if (!shouldRestart(container, pod, 137)) return [{ fail: true }];
      return [{ start: index, kill: killUnknown("Init container", container, status) }];
  }
}

/** A sidecar lets the next container start as soon as it has started itself, and is restarted whenever it ends. */
function planSidecar(
  container: Container,
  status: RuntimeContainer,
  at: Position,
  probes: ProbeResults,
): readonly Step[] {
  const { index, last, previouslyInitialized } = at;
  if (status.state === "created" || status.state === "exited") return [{ start: index }];
  if (status.state === "unknown") {
    return [{ start: index, kill: killUnknown("Init container", container, status) }];
  }
  const restart = (why: string, reason: KillReason): Step => {
    const message = `Init container ${container.name} ${why}`;
    return { start: index, kill: { id: status.id, container, message, reason } };
  };
  if (container.startupProbe !== undefined) {
    const startup = probes.startup(status.id);
    if (startup === undefined) return [];
    if (!startup) return [restart("failed startup probe", "StartupProbe")];
  }
  const steps: Step[] = [];
  if (last) steps.push({ initialized: true });
  else if (!previouslyInitialized) steps.push({ start: index + 1 });
  if (containerChanged(container, status)) steps.push(restart("definition changed", ""));
  else if (container.livenessProbe !== undefined && probes.liveness(status.id) === false) {
    steps.push(restart("failed liveness probe", "LivenessProbe"));
  }
  return steps;
}
