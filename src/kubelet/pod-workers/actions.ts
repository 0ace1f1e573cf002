/** What a pod sync may decide to do; the vocabulary of computePodActions. @module */
import type { Container } from "#api/core/v1/types.gen";
import { hashContainer } from "../container/labels.ts";
import type { ContainerAmounts } from "../container/resources.ts";
import type { RuntimeContainer } from "../container/runtime-pod.ts";

export type KillReason = "" | "LivenessProbe" | "StartupProbe" | "Unknown" | "FailedPostStartHook";

export interface ContainerToKill {
  readonly id: string;
  readonly container: Container;
  readonly message: string;
  readonly reason: KillReason;
}

/** Containers are given by their index in the spec, in starting order. */
export interface PodActions {
  /** Everything is stopped first; the pod ends there unless `createSandbox`. */
  readonly killPod: boolean;
  readonly createSandbox: boolean;
  /** The sandbox to use, or the one that is replaced. */
  readonly sandboxId: string | undefined;
  readonly attempt: number;
  readonly ephemeralContainersToStart: readonly number[];
  readonly initContainersToStart: readonly number[];
  readonly containersToStart: readonly number[];
  readonly containersToKill: readonly ContainerToKill[];
  /** Absent: every container that runs has what it was granted. */
  readonly resize?: ResizeActions;
}

export type ResizedResource = "cpu" | "memory";

export interface ContainerUpdate {
  readonly id: string;
  readonly container: Container;
  readonly resource: ResizedResource;
  readonly desired: ContainerAmounts;
  readonly current: ContainerAmounts;
}

/** Updates in the order in which they are made. */
export interface ResizeActions {
  readonly memory: readonly ContainerUpdate[];
  readonly cpu: readonly ContainerUpdate[];
  /** The pod's own cgroup changes even if none of its containers is updated. */
  readonly updatePod: boolean;
}

/** Results of probes by container id; undefined while there is none. */
export interface ProbeResults {
  liveness(containerId: string): boolean | undefined;
  startup(containerId: string): boolean | undefined;
}

export function containerChanged(container: Container, status: RuntimeContainer): boolean {
  return status.hash !== "" && status.hash !== hashContainer(container);
}

export function killUnknown(what: string, container: Container, status: RuntimeContainer): ContainerToKill {
  const message = `${what} is in ${JSON.stringify(status.state)} state, try killing it before restart`;
  return { id: status.id, container, message, reason: "Unknown" };
}
