/** The part of the decision that is about containers whose resources were changed while they run. Pure. @module */
import type { Container, Pod } from "#api/core/v1/types.gen";
import type { PodAllocation } from "../allocation/pod-allocation.ts";
import { sameResources } from "../allocation/pod-allocation.ts";
import { containersOf, initContainersOf, isRestartableInit, specOf } from "../container/pod-spec.ts";
import { amountsOf, type ContainerAmounts } from "../container/resources.ts";
import { findContainer, type RuntimeContainer, type RuntimePod } from "../container/runtime-pod.ts";
import type { ContainerToKill, ContainerUpdate, PodActions, ResizedResource } from "./actions.ts";

/** Every container that goes on running and has not what it was granted is updated, or restarted where its policy says so. */
export function withResizeActions(
  pod: Pod,
  runtime: RuntimePod,
  actions: PodActions,
  actuated: PodAllocation | undefined,
): PodActions {
  if (actions.killPod) return actions;
  const killed = new Set(actions.containersToKill.map(({ id }) => id));
  const decide = (container: Container): Decision | undefined => {
    const status = findContainer(runtime, container.name);
    if (status?.state !== "running" || killed.has(status.id)) return undefined;
    return planContainer(pod, container, status, actuated);
  };
  const sidecars = initContainersOf(pod).map((c) => (isRestartableInit(c) ? decide(c) : undefined));
  const regular = containersOf(pod).map(decide);
  const all = [...sidecars, ...regular].filter((decision) => decision !== undefined);
  const podLevel = specOf(pod).resources;
  const isWholeChanged =
    podLevel !== undefined && actuated?.pod !== undefined && !sameResources(podLevel, actuated.pod);
  if (all.length === 0 && !isWholeChanged) return actions;
  const kills = all.flatMap(({ kill }) => kill ?? []);
  return {
    ...actions,
    containersToKill: [...actions.containersToKill, ...kills],
    initContainersToStart: [...actions.initContainersToStart, ...restarted(sidecars)],
    containersToStart: [...actions.containersToStart, ...restarted(regular)],
    resize: {
      memory: inOrder(all, "memory"),
      cpu: inOrder(all, "cpu"),
      updatePod: kills.length > 0 || isWholeChanged,
    },
  };
}

/** Whether a container that runs, or the pod as a whole, has other resources than it was granted. */
export function isResizeInProgress(
  pod: Pod,
  runtime: RuntimePod,
  actuated: PodAllocation | undefined,
): boolean {
  if (actuated === undefined) return false;
  const running = [...initContainersOf(pod), ...containersOf(pod)].filter(
    ({ name }) => findContainer(runtime, name)?.state === "running",
  );
  const podLevel = specOf(pod).resources;
  if (podLevel !== undefined && actuated.pod !== undefined && !sameResources(podLevel, actuated.pod))
    return true;
  return running.some((container) => {
    const has = actuated.containers[container.name];
    if (has === undefined) return false;
    return !sameAmounts(amountsOf(container, podLevel), amountsOf({ resources: has }, actuated.pod));
  });
}

interface Decision {
  readonly kill?: ContainerToKill;
  readonly updates: readonly ContainerUpdate[];
}

function restarted(decisions: readonly (Decision | undefined)[]): readonly number[] {
  return decisions.flatMap((decision, index) => (decision?.kill === undefined ? [] : [index]));
}

function planContainer(
  pod: Pod,
  container: Container,
  status: RuntimeContainer,
  actuated: PodAllocation | undefined,
): Decision | undefined {
  const resources = actuated?.containers[container.name];
  // Started by a kubelet that kept no record: what it has is taken for what it was granted.
  if (resources === undefined) return undefined;
  const desired = amountsOf(container, specOf(pod).resources);
  const current = amountsOf({ resources }, actuated?.pod);
  const changed = (["memory", "cpu"] as const).filter((resource) => isChanged(resource, desired, current));
  if (changed.length === 0) return undefined;
  const { id } = status;
  if (changed.some((resource) => needsRestart(container, resource))) {
    const message = `Container ${container.name} resize requires restart`;
    return { kill: { id, container, message, reason: "" }, updates: [] };
  }
  return { updates: changed.map((resource) => ({ id, container, resource, desired, current })) };
}

function isChanged(resource: ResizedResource, a: ContainerAmounts, b: ContainerAmounts): boolean {
  const [request, limit] = resource === "cpu" ? CPU : MEMORY;
  return a[request] !== b[request] || a[limit] !== b[limit];
}

const CPU = ["cpuRequest", "cpuLimit"] as const;
const MEMORY = ["memoryRequest", "memoryLimit"] as const;

function sameAmounts(a: ContainerAmounts, b: ContainerAmounts): boolean {
  return !isChanged("cpu", a, b) && !isChanged("memory", a, b);
}

function needsRestart({ resizePolicy = [] }: Container, resource: ResizedResource): boolean {
  return (
    resizePolicy.find(({ resourceName }) => resourceName === resource)?.restartPolicy === "RestartContainer"
  );
}

/** What becomes smaller comes first, so that at no time more is in use than before and after. */
function inOrder(decisions: readonly Decision[], resource: ResizedResource): readonly ContainerUpdate[] {
  const updates = decisions
    .flatMap((decision) => decision.updates)
    .filter((one) => one.resource === resource);
  return updates.toSorted((a, b) => direction(a) - direction(b));
}

/** By the limit, else by the request. */
function direction({ resource, desired, current }: ContainerUpdate): number {
  const [request, limit] = resource === "cpu" ? CPU : MEMORY;
  const by = desired[limit] === current[limit] ? request : limit;
  return Math.sign((desired[by] ?? Infinity) - (current[by] ?? Infinity));
}
