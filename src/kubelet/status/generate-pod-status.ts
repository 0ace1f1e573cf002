/** The status of a pod from its specification, the runtime and the probes. Pure. @module */
import { formatTime } from "#apimachinery";
import { isTerminalPhase } from "#api/core/v1/pod-state";
import type { ContainerStatus, Pod, PodCondition, PodStatus } from "#api/core/v1/types.gen";
import type { PodAllocation } from "../allocation/pod-allocation.ts";
import {
  containersOf,
  ephemeralContainersOf,
  initContainersOf,
  isRestartableInit,
  specOf,
} from "../container/pod-spec.ts";
import { findContainer, type RuntimePod } from "../container/runtime-pod.ts";
import { qosClassOf } from "../container/qos.ts";
import { isRestartingAll, restartingCondition } from "../container/restart-all.ts";
import type { PodFailure } from "../pod-workers/pod-worker.ts";
import { podSandboxChanged } from "../pod-workers/compute-pod-actions.ts";
import { isKubeletCondition, podConditions } from "./conditions.ts";
import { containerStatuses, type WaitingReason } from "./container-statuses.ts";
import { podPhase, type PodPhase } from "./phase.ts";
import { podLevelResources } from "./resources.ts";

/** Results of probes by container id; undefined: no such probe has answered yet. */
interface ReadinessSource {
  readiness(containerId: string): boolean | undefined;
  startup(containerId: string): boolean | undefined;
}

export interface PodStatusInput {
  readonly pod: Pod;
  readonly runtime: RuntimePod;
  readonly runtimeName: string;
  /** The last status generated, else the one in the API. */
  readonly previous: PodStatus;
  readonly reasons: ReadonlyMap<string, WaitingReason>;
  readonly probes: ReadinessSource;
  readonly hostIPs: readonly string[];
  /** Everything has been stopped for good. */
  readonly isTerminal: boolean;
  /** Overrides the phase: an eviction, a deadline, a rejected pod. */
  readonly failure?: PodFailure;
  /** Of a resize that waits or is being carried out. */
  readonly resizeConditions?: readonly PodCondition[];
  /** What the pod's cgroups were set to. */
  readonly actuated?: PodAllocation | undefined;
  readonly nowMs: number;
}

export function generatePodStatus(input: PodStatusInput): PodStatus {
  const { pod, runtime, previous } = input;
  const init = statusesOf(input, "init");
  const regular = statusesOf(input, "regular");
  const ephemeral = statusesOf(input, "ephemeral");
  const statuses = [...regular, ...init];
  const phase = phaseOf(input, statuses);

  const others = othersOf(input);
  const hasSandbox = !podSandboxChanged(pod, runtime).changed;
  const wasInitialized = (previous.conditions ?? []).some(
    (one) => one.type === "Initialized" && one.status === "True",
  );
  const restarting = restartingCondition(pod, runtime, isRestartingAll(pod, runtime, previous), phase);
  const told = { pod, phase, statuses, others, hasSandbox, wasInitialized, restarting };
  const conditions = podConditions(told);
  const reason = input.failure?.reason ?? (phase === previous.phase ? previous.reason : undefined);
  const message = input.failure?.message ?? (phase === previous.phase ? previous.message : undefined);
  return {
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    phase,
    conditions: [...others, ...(input.resizeConditions ?? []), ...conditions],
    ...(message !== undefined && message !== "" && { message }),
    ...(reason !== undefined && reason !== "" && { reason }),
    ...addressesOf(input),
    startTime: previous.startTime ?? pod.status?.startTime ?? formatTime(input.nowMs),
    ...(init.length > 0 && { initContainerStatuses: init }),
    containerStatuses: regular.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    qosClass: pod.status?.qosClass ?? qosClassOf(pod),
    ...podLevelResources(pod, input.actuated),
    ...(ephemeral.length > 0 && { ephemeralContainerStatuses: ephemeral }),
  };
}

/** Conditions of others, and why kubelet ends the pod. */
function othersOf({ pod, failure, previous }: PodStatusInput): readonly PodCondition[] {
  const others = (pod.status?.conditions ?? []).filter(({ type }) => !isKubeletCondition(type));
  // One that was told by an earlier status of ours may not have come back from the API yet.
  const own = failure?.condition ?? previous.conditions?.find(({ type }) => type === "DisruptionTarget");
  return own === undefined ? others : [...others.filter(({ type }) => type !== own.type), own];
}

function statusesOf(
  input: PodStatusInput,
  which: "init" | "regular" | "ephemeral",
): readonly ContainerStatus[] {
  const { pod, previous } = input;
  const [containers, old] = {
    init: [initContainersOf(pod), previous.initContainerStatuses] as const,
    regular: [containersOf(pod), previous.containerStatuses] as const,
    ephemeral: [ephemeralContainersOf(pod), previous.ephemeralContainerStatuses] as const,
  }[which];
  const isInit = which === "init";
  const isRestarting = which !== "ephemeral" && isRestartingAll(pod, input.runtime, previous);
  const asked = { ...input, containers, previous: old ?? [], isInit, isRestarting };
  const statuses = containerStatuses(asked);
  return statuses.map((status, index) => withReadiness(input, which, containers[index]!, status));
}

/** `started` and `ready` come from the probes; without a probe, from running alone. */
function withReadiness(
  { pod, runtime, probes }: PodStatusInput,
  which: "init" | "regular" | "ephemeral",
  container: ReturnType<typeof containersOf>[number],
  status: ContainerStatus,
): ContainerStatus {
  const current = findContainer(runtime, container.name);
  const running = status.state?.running !== undefined;
  if (which === "init" && !isRestartableInit(container)) {
    const ready = status.state?.terminated?.exitCode === 0;
    return { ...status, ready, started: running };
  }
  if (which === "ephemeral") return { ...status, ready: false };
  const startup = current === undefined ? undefined : probes.startup(current.id);
  const started = running && (container.startupProbe === undefined || (startup ?? status.started === true));
  if (!started || current === undefined) return { ...status, started: false, ready: false };
  if (container.readinessProbe === undefined) return { ...status, started, ready: true };
  const previouslyReady = wasReady(pod, status);
  return { ...status, started, ready: probes.readiness(current.id) ?? previouslyReady };
}

/** After a restart of kubelet a ready container stays ready until its probe says otherwise. */
function wasReady(pod: Pod, status: ContainerStatus): boolean {
  const all = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  return all.some((s) => s.containerID === status.containerID && s.ready);
}

function phaseOf(input: PodStatusInput, statuses: readonly ContainerStatus[]): PodPhase {
  const { pod, runtime, previous, isTerminal } = input;
  const fixed = [pod.status?.phase, previous.phase].find(isTerminalPhase);
  if (fixed !== undefined) return fixed as PodPhase;
  if (input.failure !== undefined) return "Failed";
  const hasInitialized = containersOf(pod).some((c) => {
    const status = findContainer(runtime, c.name);
    return status !== undefined && status.startedAtMs > 0;
  });
  return podPhase({ pod, statuses, isTerminal, hasInitialized });
}

function addressesOf({ pod, runtime, previous, hostIPs }: PodStatusInput): Partial<PodStatus> {
  const hostNetwork = specOf(pod).hostNetwork === true;
  const known = previous.podIPs?.map(({ ip }) => ip) ?? [];
  const podIPs = hostNetwork ? hostIPs : runtime.ips.length > 0 ? runtime.ips : known;
  return {
    ...(hostIPs[0] !== undefined && { hostIP: hostIPs[0], hostIPs: hostIPs.map((ip) => ({ ip })) }),
    ...(podIPs[0] !== undefined && { podIP: podIPs[0], podIPs: podIPs.map((ip) => ({ ip })) }),
  };
}
