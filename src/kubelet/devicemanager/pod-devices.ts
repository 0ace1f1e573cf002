/** Which devices each container holds, and what the plugin said a container with them needs. @module */
import type { ContainerAllocateResponse } from "./device-plugin-tables.ts";

/** Devices that belong to no NUMA node. */
export const NO_NUMA_NODE = -1;

export interface DeviceAllocation {
  /** NUMA node -> ids; one device may be near several. */
  readonly devices: ReadonlyMap<number, readonly string[]>;
  readonly response: ContainerAllocateResponse;
}

export interface PodDevicesEntry extends DeviceAllocation {
  readonly podUid: string;
  readonly container: string;
  readonly resource: string;
}

/** By resource. */
export type ContainerDevices = ReadonlyMap<string, DeviceAllocation>;

const NONE: ContainerDevices = new Map();

/** No bound of its own: at most as many devices as plugins have told of are held. */
export class PodDevices {
  readonly #pods = new Map<string, Map<string, Map<string, DeviceAllocation>>>();

  insert({ podUid, container, resource, devices, response }: PodDevicesEntry): void {
    const containers = this.#pods.get(podUid) ?? new Map<string, Map<string, DeviceAllocation>>();
    const resources = containers.get(container) ?? new Map<string, DeviceAllocation>();
    resources.set(resource, { devices, response });
    containers.set(container, resources);
    this.#pods.set(podUid, containers);
  }

  /** True if there was one that is gone now. */
  retain(podUids: ReadonlySet<string>): boolean {
    const gone = [...this.#pods.keys()].filter((uid) => !podUids.has(uid));
    for (const uid of gone) this.#pods.delete(uid);
    return gone.length > 0;
  }

  of(podUid: string, container: string): ContainerDevices {
    return this.#pods.get(podUid)?.get(container) ?? NONE;
  }

  /** Undefined: the container holds none of that resource. */
  idsOf(podUid: string, container: string, resource: string): ReadonlySet<string> | undefined {
    const allocation = this.of(podUid, container).get(resource);
    return allocation === undefined ? undefined : idsIn(allocation);
  }

  /** All devices of a resource that somebody holds; undefined: nobody holds any. */
  inUse(resource: string): ReadonlySet<string> | undefined {
    const ids = this.entries()
      .filter((entry) => entry.resource === resource)
      .map((entry) => [...idsIn(entry)]);
    return ids.length === 0 ? undefined : new Set(ids.flat());
  }

  /** Pods that hold one of these devices. */
  holders(resource: string, ids: ReadonlySet<string>): ReadonlySet<string> {
    const held = this.entries().filter(
      (entry) => entry.resource === resource && [...idsIn(entry)].some((id) => ids.has(id)),
    );
    return new Set(held.map(({ podUid }) => podUid));
  }

  entries(): readonly PodDevicesEntry[] {
    return [...this.#pods].flatMap(([podUid, containers]) =>
      [...containers].flatMap(([container, resources]) =>
        [...resources].map(([resource, allocation]) => ({ podUid, container, resource, ...allocation })),
      ),
    );
  }
}

export function idsIn({ devices }: DeviceAllocation): ReadonlySet<string> {
  return new Set([...devices.values()].flat());
}
