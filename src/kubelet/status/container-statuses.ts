/** Turns what the runtime says of containers into `containerStatuses`. Pure. @module */
import { formatTime } from "#apimachinery";
import type {
  Container,
  ContainerState,
  ContainerStateTerminated,
  ContainerStatus,
  Pod,
  VolumeMountStatus,
} from "#api/core/v1/types.gen";
import { containersOf, initContainersOf, isRestartableInit } from "../container/pod-spec.ts";
import { RESTARTING_ALL } from "../container/restart-all.ts";
import { findContainer, type RuntimeContainer, type RuntimePod } from "../container/runtime-pod.ts";
import { statusResources } from "./resources.ts";
import type { PodAllocation } from "../allocation/pod-allocation.ts";
import { shouldBeRestarted } from "../pod-workers/compute-pod-actions.ts";

/** Why a container could not be started, as `state.waiting` shows it. */
export interface WaitingReason {
  readonly reason: string;
  readonly message: string;
}

export interface ContainerStatusInput {
  readonly pod: Pod;
  readonly runtime: RuntimePod;
  /** `containerd`: the scheme of container ids. */
  readonly runtimeName: string;
  readonly previous: readonly ContainerStatus[];
  readonly containers: readonly Container[];
  readonly isInit: boolean;
  /** All containers are being restarted by the end of one of them. */
  readonly isRestarting: boolean;
  /** What the containers' cgroups were set to. */
  readonly actuated?: PodAllocation | undefined;
  /** Last failed start by container name. */
  readonly reasons: ReadonlyMap<string, WaitingReason>;
}

/** What upstream calls a container that was running when the runtime lost it. */
const LOST_EXIT_CODE = 137;

export function containerStatuses(input: ContainerStatusInput): readonly ContainerStatus[] {
  return input.containers.map((container) => {
    const old = input.previous.find(({ name }) => name === container.name);
    const instances = input.runtime.containers.filter(({ name }) => name === container.name);
    const status =
      instances.length === 0
        ? missingStatus(input, container, old)
        : knownStatus(input, container, instances, old);
    return withWaitingReason(input, container, status);
  });
}

/** Never made, or gone from the runtime. */
function missingStatus(
  { pod, runtime, isInit, isRestarting }: ContainerStatusInput,
  container: Container,
  old: ContainerStatus | undefined,
): ContainerStatus {
  // One that waits was counted already: until the others are gone too, nothing more is said of it.
  if (isRestarting && old?.state !== undefined)
    return old.state.waiting === undefined ? resetStatus(container, old) : old;
  if (old?.state?.terminated !== undefined) return old;
  const reason = initContainersOf(pod).length > 0 ? "PodInitializing" : "ContainerCreating";
  const base: ContainerStatus = {
    name: container.name,
    image: container.image ?? "",
    imageID: "",
    ready: false,
    restartCount: old?.restartCount ?? 0,
    state: { waiting: { reason } },
    ...(old?.lastState !== undefined && { lastState: old.lastState }),
    ...mountStatuses(container),
  };
  const initialized = containersOf(pod).some((c) => findContainer(runtime, c.name) !== undefined);
  if (isInit && initialized && !isRestartableInit(container)) {
    const message =
      "Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally";
    return { ...base, state: { terminated: { exitCode: 0, reason: "Completed", message } } };
  }
  if (old?.state?.running === undefined || old.lastState?.terminated !== undefined) return base;
  const message =
    "The container could not be located when the pod was deleted.  The container used to be Running";
  const terminated = { reason: "ContainerStatusUnknown", message, exitCode: LOST_EXIT_CODE };
  const again = pod.metadata.deletionTimestamp === undefined ? 1 : 0;
  return { ...base, restartCount: base.restartCount + again, lastState: { terminated } };
}

/** Removed, to be made again with the others. */
function resetStatus(container: Container, { restartCount }: ContainerStatus): ContainerStatus {
  const message = "The container is removed because RestartAllContainers in place";
  return {
    name: container.name,
    image: container.image ?? "",
    imageID: "",
    ready: false,
    restartCount: restartCount + 1,
    state: { waiting: { reason: RESTARTING_ALL, message } },
    lastState: { terminated: { reason: RESTARTING_ALL, message, exitCode: LOST_EXIT_CODE } },
    ...mountStatuses(container),
  };
}

function knownStatus(
  { runtimeName, actuated }: ContainerStatusInput,
  container: Container,
  [newest, before]: readonly RuntimeContainer[],
  old: ContainerStatus | undefined,
): ContainerStatus {
  const current = newest!;
  const lastState = before === undefined ? undefined : stateOf(before, undefined, runtimeName);
  const containerID = `${runtimeName}://${current.id}`;
  const goesOn = current.state === "running" && old?.containerID === containerID;
  const lost = current.state === "unknown" && old?.state?.running !== undefined;
  return {
    name: container.name,
    state: stateOf(current, old, runtimeName),
    ...(lastState !== undefined
      ? { lastState }
      : old?.lastState !== undefined && { lastState: old.lastState }),
    ready: false,
    restartCount: lost ? old.restartCount + 1 : Math.max(current.restartCount, old?.restartCount ?? 0),
    image: current.image,
    imageID: current.imageRef,
    containerID,
    ...(goesOn && old?.started !== undefined && { started: old.started }),
    ...(container.resources !== undefined && {
      resources: statusResources(container, current, actuated?.containers[container.name]),
      ...(container.resources.requests !== undefined && { allocatedResources: container.resources.requests }),
    }),
    ...mountStatuses(container),
    ...(current.user !== undefined && { user: { linux: current.user } }),
    ...(current.stopSignal !== undefined && { stopSignal: current.stopSignal }),
  };
}

function stateOf(
  container: RuntimeContainer,
  old: ContainerStatus | undefined,
  runtimeName: string,
): ContainerState {
  switch (container.state) {
    case "running":
      return { running: { startedAt: formatTime(container.startedAtMs) } };
    case "exited":
      return { terminated: terminatedState(container, runtimeName) };
    case "created":
      return { waiting: {} };
    case "unknown":
    default: {
      if (old?.state?.running === undefined) return { waiting: {} };
      const message = "The container could not be located when the pod was terminated";
      return { terminated: { reason: "ContainerStatusUnknown", message, exitCode: LOST_EXIT_CODE } };
    }
  }
}

function terminatedState(container: RuntimeContainer, runtimeName: string): ContainerStateTerminated {
  const { exitCode, reason, message, startedAtMs, finishedAtMs, id } = container;
  return {
    exitCode,
    ...(reason !== "" && { reason }),
    ...(message !== "" && { message }),
    startedAt: formatTime(startedAtMs), // 1970 for one that never started, as upstream: without it kubectl shows the year 1
    ...(finishedAtMs > 0 && { finishedAt: formatTime(finishedAtMs) }),
    containerID: `${runtimeName}://${id}`,
  };
}

/** A container that should run and could not be started shows why, and its end as the last state. */
function withWaitingReason(
  { pod, runtime, isInit, reasons }: ContainerStatusInput,
  container: Container,
  status: ContainerStatus,
): ContainerStatus {
  const current = findContainer(runtime, container.name);
  if (isInit && current?.state === "exited" && current.exitCode === 0 && !isRestartableInit(container)) {
    return status;
  }
  const waiting = reasons.get(container.name);
  if (waiting === undefined || !shouldBeRestarted(container, pod, current)) return status;
  const { reason, message } = waiting;
  return {
    ...status,
    state: { waiting: { reason, ...(message !== "" && { message }) } },
    ...(status.state?.terminated !== undefined && { lastState: status.state }),
  };
}

function mountStatuses(container: Container): { readonly volumeMounts?: readonly VolumeMountStatus[] } {
  if (container.volumeMounts === undefined || container.volumeMounts.length === 0) return {};
  return {
    volumeMounts: container.volumeMounts.map(({ name, mountPath, readOnly, recursiveReadOnly }) => ({
      name,
      mountPath,
      ...(readOnly === true && {
        readOnly,
        recursiveReadOnly: recursiveReadOnly === "Enabled" ? "Enabled" : "Disabled",
      }),
    })),
  };
}
