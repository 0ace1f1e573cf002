/** One container's end may restart all containers of its pod in place (KEP-5532). Pure; reasons and messages are upstream's. @module */
import { matchingRestartRule, mayAllRestart } from "#api/core/v1/container-restart-rules";
import type { Container, Pod, PodCondition, PodStatus } from "#api/core/v1/types.gen";
import { containersOf, initContainersOf, specOf } from "./pod-spec.ts";
import { findContainer, type RuntimeContainer, type RuntimePod } from "./runtime-pod.ts";

export const ALL_CONTAINERS_RESTARTING = "AllContainersRestarting";
/** Why a container that was removed for the sake of the others waits, and how it is said to have ended. */
export const RESTARTING_ALL = "RestartingAllContainers";

export interface ContainerToReset {
  readonly id: string;
  readonly container: Container;
  /** It may still run. */
  readonly isActive: boolean;
}

/** `status` is the last one that kubelet told of the pod: the restart goes on until nothing of the old run is left. */
export function isRestartingAll(pod: Pod, runtime: RuntimePod, status: PodStatus): boolean {
  if (!mayAllRestart(specOf(pod))) return false;
  const isUnderWay = (status.conditions ?? []).some(
    (one) => one.type === ALL_CONTAINERS_RESTARTING && one.status === "True",
  );
  if (isUnderWay) return true;
  const told = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  return [...initContainersOf(pod), ...containersOf(pod)].some((container) => {
    const current = findContainer(runtime, container.name);
    if (current?.state !== "exited") return false;
    const before = told.find(({ name }) => name === container.name)?.state?.terminated;
    return [current.exitCode, before?.exitCode].some(
      (code) => code !== undefined && asksForAll(container, code),
    );
  });
}

/** Undefined for a pod whose containers never ask for it. */
export function restartingCondition(
  pod: Pod,
  runtime: RuntimePod,
  isRestarting: boolean,
  phase: string,
): Pick<PodCondition, "status" | "reason" | "message"> | undefined {
  if (!mayAllRestart(specOf(pod))) return undefined;
  if (phase === "Failed") return { status: "False", reason: "PodFailed" };
  if (!isRestarting || instancesOf(runtime, allOf(pod)).length === 0) return { status: "False" };
  const message = "container exited with restart policy rule";
  return { status: "True", reason: "RestartAllContainersStarted", message };
}

/**
 * Everything of the old run, in the order in which it goes. Those that asked for the restart go last: while one of them
 * is there, it is plain that the pod goes on.
 */
export function containersToReset(pod: Pod, runtime: RuntimePod): readonly ContainerToReset[] {
  const regular = instancesOf(runtime, containersOf(pod));
  const init = instancesOf(runtime, initContainersOf(pod));
  const isTarget = (one: Instance): boolean => !isSource(one);
  const ordered = [
    ...regular.filter(isTarget),
    ...init.filter(isTarget),
    ...regular.filter(isSource),
    ...init.filter(isSource),
  ];
  return ordered.map(({ container, instance }) => {
    return { id: instance.id, container, isActive: instance.state !== "exited" };
  });
}

interface Instance {
  readonly container: Container;
  readonly instance: RuntimeContainer;
}

function allOf(pod: Pod): readonly Container[] {
  return [...initContainersOf(pod), ...containersOf(pod)];
}

/** Earlier runs of a container, too. */
function instancesOf(runtime: RuntimePod, containers: readonly Container[]): readonly Instance[] {
  return containers.flatMap((container) =>
    runtime.containers
      .filter(({ name }) => name === container.name)
      .map((instance) => ({ container, instance })),
  );
}

function isSource({ container, instance }: Instance): boolean {
  return instance.state === "exited" && asksForAll(container, instance.exitCode);
}

function asksForAll(container: Container, exitCode: number): boolean {
  return matchingRestartRule(container, exitCode)?.action === "RestartAllContainers";
}
