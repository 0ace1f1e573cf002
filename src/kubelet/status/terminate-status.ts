/** The status of a pod of which nothing runs any more: no container is left without an end. Pure. @module */
import { isTerminalPhase } from "#api/core/v1/pod-state";
import type { ContainerStatus, Pod, PodStatus } from "#api/core/v1/types.gen";
import { initContainersOf, isRestartableInit } from "../container/pod-spec.ts";

const LOST = {
  terminated: {
    reason: "ContainerStatusUnknown",
    message: "The container could not be located when the pod was terminated",
    exitCode: 137,
  },
};

/** Containers that never ended count as failed: it is not known whether they succeeded. */
export function terminateStatus(pod: Pod, status: PodStatus): PodStatus {
  const regular = (status.containerStatuses ?? []).map(terminate);
  const init = terminateInit(pod, status.initContainerStatuses ?? [], regular);
  const ephemeral = status.ephemeralContainerStatuses?.map(terminate);
  return {
    ...status,
    phase: isTerminalPhase(status.phase) ? status.phase! : "Failed",
    containerStatuses: regular,
    ...(init.length > 0 && { initContainerStatuses: init }),
    ...(ephemeral !== undefined && { ephemeralContainerStatuses: ephemeral }),
  };
}

/** Init containers that were never reached stay waiting. */
function terminateInit(
  pod: Pod,
  statuses: readonly ContainerStatus[],
  regular: readonly ContainerStatus[],
): readonly ContainerStatus[] {
  const started = regular.some((s) => s.containerID !== undefined);
  const sidecars = new Set(
    initContainersOf(pod)
      .filter(isRestartableInit)
      .map(({ name }) => name),
  );
  return statuses.map((status) =>
    status.containerID !== undefined || (started && sidecars.has(status.name)) ? terminate(status) : status,
  );
}

function terminate(status: ContainerStatus): ContainerStatus {
  const base = { ...status, ready: false, started: false };
  return status.state?.terminated === undefined ? { ...base, state: LOST } : base;
}
