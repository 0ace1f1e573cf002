/** Adds to a pod's status which devices its containers hold, and how those are. Pure. @module */
import type { PodStatus, ResourceStatus } from "#api/core/v1/types.gen";

export function withAllocatedResources(
  status: PodStatus,
  resourcesOf: (container: string) => readonly ResourceStatus[],
): PodStatus {
  const { containerStatuses = [] } = status;
  if (containerStatuses.every(({ name }) => resourcesOf(name).length === 0)) return status;
  return {
    ...status,
    containerStatuses: containerStatuses.map((one) => {
      const allocatedResourcesStatus = resourcesOf(one.name);
      return allocatedResourcesStatus.length === 0 ? one : { ...one, allocatedResourcesStatus };
    }),
  };
}
