/** What a node offers beside its own: the devices of plugins, and what others have written into its status. Pure. @module */
import { isExtendedResource } from "#api/validation/resources";
import type { NodeStatus } from "#api/core/v1/types.gen";
import type { DeviceCapacity } from "../devicemanager/device-registry.ts";

type ResourceList = Readonly<Record<string, string>>;
type Amounts = Required<Pick<NodeStatus, "capacity" | "allocatable">>;

/**
 * Extended resources that somebody has written into the capacity stay, and can be allocated; those of devices are as the
 * plugins say, and 0 once their plugin has been away for too long. `isReset`: what is there belongs to another node of that name.
 */
export function withExtendedResources(
  own: Amounts,
  before: Pick<NodeStatus, "capacity">,
  { capacity, allocatable, removed }: DeviceCapacity,
  isReset: boolean,
): Amounts {
  const written = Object.entries(before.capacity ?? {}).filter(([name]) => isExtendedResource(name));
  const extended: ResourceList = {
    ...Object.fromEntries(written.map(([name, amount]) => [name, isReset ? "0" : amount])),
    ...Object.fromEntries([...removed].map((name) => [name, "0"])),
    ...texts(capacity),
  };
  return {
    capacity: { ...own.capacity, ...extended },
    allocatable: { ...own.allocatable, ...extended, ...texts(allocatable) },
  };
}

function texts(amounts: ReadonlyMap<string, number>): ResourceList {
  return Object.fromEntries([...amounts].map(([name, amount]) => [name, String(amount)]));
}
