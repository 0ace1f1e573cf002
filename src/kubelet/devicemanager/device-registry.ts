/** The devices that plugins have told of, by resource, and what the node can offer of them. @module */
import type { DevicePluginClient } from "./device-plugin-client.ts";
import { type DevicePluginOptions, HEALTHY, type PluginDevice } from "./device-plugin-tables.ts";

export interface Endpoint {
  readonly client: DevicePluginClient;
  readonly options: DevicePluginOptions;
}

/** Amounts by resource. */
export interface DeviceCapacity {
  readonly capacity: ReadonlyMap<string, number>;
  readonly allocatable: ReadonlyMap<string, number>;
  /** Their plugins have been away for too long. */
  readonly removed: ReadonlySet<string>;
}

interface Resource {
  /** Undefined: stopped. */
  endpoint: Endpoint | undefined;
  stoppedAtMs: number;
  readonly devices: Map<string, PluginDevice>;
}

/** A plugin that is updated is back by then; upstream's endpointStopGracePeriod. */
const STOP_GRACE_MS = 300_000;
const RESOURCES_MAX = 500;

export class DeviceRegistry {
  readonly #resources = new Map<string, Resource>();
  readonly #removed = new Set<string>();

  /** Of an earlier kubelet: nothing is offered until the plugin registers again. */
  restore(names: Iterable<string>, nowMs: number): void {
    for (const name of names)
      this.#add(name, { endpoint: undefined, stoppedAtMs: nowMs, devices: new Map() });
  }

  /** Throws when there are too many resources. */
  connected(name: string, endpoint: Endpoint): void {
    const known = this.#resources.get(name);
    if (known !== undefined) known.endpoint = endpoint;
    else this.#add(name, { endpoint, stoppedAtMs: 0, devices: new Map() });
    this.#removed.delete(name);
  }

  #add(name: string, resource: Resource): void {
    if (this.#resources.size >= RESOURCES_MAX)
      throw new Error(`cannot register ${name}: the node has ${RESOURCES_MAX} device resources already`);
    this.#resources.set(name, resource);
  }

  /** All its devices count as unhealthy, and after a while as gone. */
  disconnected(name: string, nowMs: number): void {
    const resource = this.#resources.get(name);
    if (resource === undefined) return;
    resource.endpoint = undefined;
    resource.stoppedAtMs = nowMs;
  }

  /** Resolves to the devices that are new or whose health has changed. */
  devicesChanged(name: string, devices: readonly PluginDevice[]): ReadonlySet<string> {
    const resource = this.#resources.get(name);
    if (resource === undefined) return new Set();
    const before = new Map(resource.devices);
    resource.devices.clear();
    for (const device of devices) resource.devices.set(device.id, device);
    const changed = [...resource.devices.values()].filter(
      ({ id, health }) => before.get(id)?.health !== health,
    );
    return new Set(changed.map(({ id }) => id));
  }

  has(name: string): boolean {
    return this.#resources.has(name);
  }

  names(): readonly string[] {
    return [...this.#resources.keys()];
  }

  endpoint(name: string): Endpoint | undefined {
    return this.#resources.get(name)?.endpoint;
  }

  device(name: string, id: string): PluginDevice | undefined {
    return this.#resources.get(name)?.devices.get(id);
  }

  /** Undefined: no plugin has ever registered the resource, or it has been away for too long. */
  healthy(name: string): ReadonlySet<string> | undefined {
    const resource = this.#resources.get(name);
    return resource === undefined ? undefined : new Set(healthyOf(resource).map(({ id }) => id));
  }

  healthyDevices(name: string): readonly PluginDevice[] {
    const resource = this.#resources.get(name);
    return resource === undefined ? [] : healthyOf(resource);
  }

  /** Forgets what has been away for too long; `isChanged` says whether there was something. */
  capacity(nowMs: number): DeviceCapacity & { readonly isChanged: boolean } {
    const capacity = new Map<string, number>();
    const allocatable = new Map<string, number>();
    let isChanged = false;
    for (const [name, resource] of this.#resources) {
      if (resource.endpoint === undefined && nowMs - resource.stoppedAtMs > STOP_GRACE_MS) {
        this.#resources.delete(name);
        // Bounded like the resources: what is forgotten first gives way.
        if (this.#removed.size >= RESOURCES_MAX) this.#removed.delete([...this.#removed][0]!);
        this.#removed.add(name);
        isChanged = true;
        continue;
      }
      capacity.set(name, resource.devices.size);
      allocatable.set(name, healthyOf(resource).length);
    }
    return { capacity, allocatable, removed: new Set(this.#removed), isChanged };
  }
}

function healthyOf({ endpoint, devices }: Resource): readonly PluginDevice[] {
  return endpoint === undefined ? [] : [...devices.values()].filter(({ health }) => health === HEALTHY);
}
