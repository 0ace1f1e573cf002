/** The decision of a pod sync: which sandbox and containers to start and to kill. Pure. @module */
import type { Container, Pod } from "#api/core/v1/types.gen";
import {
  containersOf,
  ephemeralContainersOf,
  initContainersOf,
  restartPolicyOf,
  shouldRestart,
  specOf,
} from "../container/pod-spec.ts";
import { findContainer, type RuntimeContainer, type RuntimePod } from "../container/runtime-pod.ts";
import {
  containerChanged,
  type ContainerToKill,
  killUnknown,
  type KillReason,
  type PodActions,
  type ProbeResults,
} from "./actions.ts";
import type { PodAllocation } from "../allocation/pod-allocation.ts";
import { withResizeActions } from "./compute-resize-actions.ts";
import { computeInitContainerActions } from "./compute-init-actions.ts";

export interface SandboxChange {
  readonly changed: boolean;
  readonly attempt: number;
  readonly sandboxId: string | undefined;
}

const NOTHING = {
  killPod: false,
  createSandbox: false,
  ephemeralContainersToStart: [],
  initContainersToStart: [],
  containersToStart: [],
  containersToKill: [],
} as const;

/** `actuated`: what the containers that run were given. */
export function computePodActions(
  pod: Pod,
  runtime: RuntimePod,
  probes: ProbeResults,
  actuated?: PodAllocation,
): PodActions {
  return withResizeActions(pod, runtime, computeStartsAndKills(pod, runtime, probes), actuated);
}

function computeStartsAndKills(pod: Pod, runtime: RuntimePod, probes: ProbeResults): PodActions {
  const { changed, attempt, sandboxId } = podSandboxChanged(pod, runtime);
  if (changed)
    return { ...NOTHING, sandboxId, attempt, killPod: true, ...planNewSandbox(pod, runtime, attempt) };

  const ephemeralContainersToStart = ephemeralContainersOf(pod).flatMap((c, index) =>
    findContainer(runtime, c.name) === undefined ? [index] : [],
  );
  const init = computeInitContainerActions(pod, runtime, probes);
  const base = {
    ...NOTHING,
    sandboxId,
    attempt,
    ephemeralContainersToStart,
    killPod: init.killPod,
    initContainersToStart: init.toStart,
    containersToKill: init.toKill,
  };
  if (init.killPod || !init.initialized) return base;

  const regular = planRegularContainers(pod, runtime, probes);
  // Sidecars do not keep a pod alive whose own work is done.
  if (regular.keep === 0 && regular.toStart.length === 0) {
    return { ...base, killPod: true, initContainersToStart: [], containersToKill: [] };
  }
  return {
    ...base,
    containersToStart: regular.toStart,
    containersToKill: [...init.toKill, ...regular.toKill],
  };
}

/** Whether the pod needs a new sandbox: it has none, or its newest one cannot be used any more. */
export function podSandboxChanged(pod: Pod, runtime: RuntimePod): SandboxChange {
  const newest = runtime.sandboxes[0];
  if (newest === undefined) return { changed: true, attempt: 0, sandboxId: undefined };
  const ready = runtime.sandboxes.filter((sandbox) => sandbox.ready).length;
  const hostNetwork = specOf(pod).hostNetwork === true;
  const usable =
    newest.ready &&
    ready === 1 &&
    newest.hostNetwork === hostNetwork &&
    (hostNetwork || newest.ips.length > 0);
  return usable
    ? { changed: false, attempt: newest.attempt, sandboxId: newest.id }
    : { changed: true, attempt: newest.attempt + 1, sandboxId: newest.id };
}

type NewSandbox = Pick<PodActions, "createSandbox" | "initContainersToStart" | "containersToStart">;

function planNewSandbox(pod: Pod, runtime: RuntimePod, attempt: number): NewSandbox {
  const none = { createSandbox: false, initContainersToStart: [], containersToStart: [] };
  const ranBefore = attempt !== 0 && runtime.containers.length > 0;
  if (restartPolicyOf(pod) === "Never" && ranBefore) return none;

  const containersToStart = containersOf(pod).flatMap((container, index) => {
    const runOnce = (container.restartPolicy ?? restartPolicyOf(pod)) === "OnFailure";
    return runOnce && hasSucceeded(container, runtime) ? [] : [index];
  });
  const wasInitialized = containersOf(pod).some((c) => findContainer(runtime, c.name) !== undefined);
  if (containersToStart.length === 0 && wasInitialized) return none;
  if (initContainersOf(pod).length > 0) {
    return { createSandbox: true, initContainersToStart: [0], containersToStart: [] };
  }
  return { createSandbox: true, initContainersToStart: [], containersToStart };
}

function hasSucceeded(container: Container, runtime: RuntimePod): boolean {
  const status = findContainer(runtime, container.name);
  return status?.state === "exited" && status.exitCode === 0;
}

interface RegularPlan {
  readonly toStart: readonly number[];
  readonly toKill: readonly ContainerToKill[];
  readonly keep: number;
}

function planRegularContainers(pod: Pod, runtime: RuntimePod, probes: ProbeResults): RegularPlan {
  const toStart: number[] = [];
  const toKill: ContainerToKill[] = [];
  let keep = 0;
  for (const [index, container] of containersOf(pod).entries()) {
    const status = findContainer(runtime, container.name);
    if (status?.state !== "running") {
      if (!shouldBeRestarted(container, pod, status)) continue;
      toStart.push(index);
      if (status?.state === "unknown") toKill.push(killUnknown("Container", container, status));
      continue;
    }
    const kill = reasonToKill(container, status, probes);
    if (kill === undefined) {
      keep += 1;
      continue;
    }
    const restart = kill.always || (container.restartPolicy ?? restartPolicyOf(pod)) !== "Never";
    if (restart) toStart.push(index);
    const message = restart ? `${kill.message}, will be restarted` : kill.message;
    toKill.push({ id: status.id, container, message, reason: kill.reason });
  }
  return { toStart, toKill, keep };
}

function reasonToKill(
  container: Container,
  status: RuntimeContainer,
  probes: ProbeResults,
): { readonly message: string; readonly reason: KillReason; readonly always: boolean } | undefined {
  const { name } = container;
  if (containerChanged(container, status)) {
    return { message: `Container ${name} definition changed`, reason: "", always: true };
  }
  if (probes.liveness(status.id) === false) {
    return { message: `Container ${name} failed liveness probe`, reason: "LivenessProbe", always: false };
  }
  if (probes.startup(status.id) === false) {
    return { message: `Container ${name} failed startup probe`, reason: "StartupProbe", always: false };
  }
  return undefined;
}

/** A container that does not run is started unless it has ended and its policy says that was all. */
export function shouldBeRestarted(
  container: Container,
  pod: Pod,
  status: RuntimeContainer | undefined,
): boolean {
  if (pod.metadata.deletionTimestamp !== undefined) return false;
  if (status === undefined) return true;
  if (status.state === "running") return false;
  if (status.state === "unknown" || status.state === "created") return true;
  return shouldRestart(container, pod, status.exitCode);
}
