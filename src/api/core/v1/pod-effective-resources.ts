/** What a pod that is being resized is held to: the most of what it asks, what it was granted and what it has (KEP-1287). @module */
import { maxResources, podLimits, podRequests, type ResourceList } from "./pod-resources.ts";
import type { Container, ContainerStatus, Pod, PodSpec, ResourceRequirements } from "./types.gen.ts";

/** `podRequests` of a pod with a status. */
export function effectivePodRequests(pod: Pod): ResourceList {
  return podRequests(effectiveSpec(pod));
}

/** `podLimits` of a pod with a status. */
export function effectivePodLimits(pod: Pod): ResourceList {
  return podLimits(effectiveSpec(pod));
}

/** Init containers that run to an end are never resized. */
function effectiveSpec(pod: Pod): PodSpec {
  const { containers, initContainers, ...spec } = pod.spec!;
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const isInfeasible = isResizeInfeasible(pod);
  const effective = (container: Container, statuses: readonly ContainerStatus[]): Container => {
    const status = statuses.find(({ name }) => name === container.name);
    if (status?.resources === undefined) return container;
    return { ...container, resources: effectiveResources(container.resources, status, isInfeasible) };
  };
  return {
    ...spec,
    containers: containers.map((container) => effective(container, containerStatuses)),
    ...(initContainers !== undefined && {
      initContainers: initContainers.map((container) =>
        container.restartPolicy === "Always" ? effective(container, initContainerStatuses) : container,
      ),
    }),
  };
}

function effectiveResources(
  { requests = {}, limits = {} }: ResourceRequirements = {},
  { resources = {}, allocatedResources = {} }: ContainerStatus,
  isInfeasible: boolean,
): ResourceRequirements {
  const held = maxResources(resources.requests ?? {}, allocatedResources);
  const bounded = resources.limits ?? {};
  return isInfeasible
    ? { requests: held, limits: bounded }
    : { requests: maxResources(requests, held), limits: maxResources(limits, bounded) };
}

/** The node can never give what the resize asks for. */
export function isResizeInfeasible({ status }: Pod): boolean {
  const pending = status?.conditions?.find(({ type }) => type === "PodResizePending");
  return pending?.reason === "Infeasible";
}
