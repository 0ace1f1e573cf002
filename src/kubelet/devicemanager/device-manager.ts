/** Gives the devices of plugins to containers, remembers who holds them, and says what the node has to offer. @module */
import type { Clock, Logger } from "#apimachinery";
import type { Container, Pod, ResourceStatus } from "#api/core/v1/types.gen";
import type { StateFile } from "../checkpoint/state-file.ts";
import { describeError } from "../container/describe-error.ts";
import {
  containersOf,
  formatPod,
  initContainersOf,
  isRestartableInit,
  uidOf,
} from "../container/pod-spec.ts";
import { amountOf } from "../container/resources.ts";
import { isByClaim } from "../dra/pod-claims.ts";
import type { Rejection } from "../lifecycle/admit.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import type { DeviceMetrics } from "./device-metrics.ts";
import type { PluginDevice } from "./device-plugin-tables.ts";
import { HEALTHY } from "./device-plugin-tables.ts";
import { type DeviceCapacity, DeviceRegistry, type Endpoint } from "./device-registry.ts";
import { finishAllocation, startAllocation } from "./plan-allocation.ts";
import { type ContainerDevices, idsIn, NO_NUMA_NODE, PodDevices } from "./pod-devices.ts";
import { deviceRunOptions, type DeviceRunOptions } from "./run-options.ts";

export interface DeviceManagerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly checkpoint: StateFile;
  readonly metrics: DeviceMetrics;
  /** Pods that hold resources of the node or are about to; undefined: not known yet. */
  readonly activePods: () => readonly Pod[] | undefined;
  /** What the node offers has changed. */
  readonly onCapacity: () => void;
  /** The health of a device that this pod holds has changed. */
  readonly onHealth: (podUid: string) => void;
}

export class DeviceManager {
  readonly #options: DeviceManagerOptions;
  readonly #registry = new DeviceRegistry();
  readonly #held = new PodDevices();
  #isFirstStart = false;
  /** One allocation after another: each sees what the one before has taken. */
  #allocating: Promise<unknown> = Promise.resolve();
  #saving: Promise<void> = Promise.resolve();

  constructor(options: DeviceManagerOptions) {
    this.#options = options;
  }

  /** Never rejects: without a checkpoint the node goes on, and knows of no devices. */
  async load(): Promise<void> {
    const { checkpoint, clock, logger } = this.#options;
    try {
      const text = await checkpoint.load();
      this.#isFirstStart = text === undefined;
      if (text === undefined) return;
      const { entries, registered } = readCheckpoint(text);
      for (const entry of entries) this.#held.insert(entry);
      this.#registry.restore(registered.keys(), clock.now());
    } catch (err) {
      logger.error("Reading the checkpoint of devices failed; allocations may not be up to date", { err });
    }
  }

  /** No kubelet has seen devices here before: the node may be a new one under an old name. */
  get isFirstStart(): boolean {
    return this.#isFirstStart;
  }

  /** A plugin has registered. Throws when it cannot be taken. */
  connected(resource: string, endpoint: Endpoint): void {
    this.#registry.connected(resource, endpoint);
    this.#options.onCapacity();
  }

  disconnected(resource: string): void {
    this.#registry.disconnected(resource, this.#options.clock.now());
    this.#options.onCapacity();
  }

  devicesChanged(resource: string, devices: readonly PluginDevice[]): void {
    const { onCapacity, onHealth } = this.#options;
    const changed = this.#registry.devicesChanged(resource, devices);
    this.#saveSoon();
    onCapacity();
    for (const podUid of this.#held.holders(resource, changed)) onHealth(podUid);
  }

  /** What the node's status is to say. */
  capacity(): DeviceCapacity {
    const { isChanged, ...told } = this.#registry.capacity(this.#options.clock.now());
    if (isChanged) this.#saveSoon();
    return told;
  }

  /** Whether a container of it asks for devices that a plugin gives. */
  needs(pod: Pod): boolean {
    return [...initContainersOf(pod), ...containersOf(pod)].some((c) => this.#wanted(pod, c).size > 0);
  }

  /** Gives the pod its devices; resolves to why it cannot have them. Rejects when `signal` aborts. */
  async admit(pod: Pod, signal: AbortSignal): Promise<Rejection | undefined> {
    try {
      await this.#inTurn(() => this.#allocatePod(pod, signal));
      return undefined;
    } catch (err) {
      signal.throwIfAborted();
      this.#options.logger.info("Allocating devices failed", { pod: formatPod(pod), err });
      const why = `Allocate failed due to ${describeError(err)}, which is unexpected`;
      return { reason: "UnexpectedAdmissionError", message: `Pod was rejected: ${why}` };
    }
  }

  /** Before each start of a container; undefined: it has no devices. */
  async runOptions(
    pod: Pod,
    container: Container,
    signal: AbortSignal,
  ): Promise<DeviceRunOptions | undefined> {
    const uid = uidOf(pod);
    const resources = [...this.#wanted(pod, container).keys()];
    for (const resource of resources) await this.#preStart(uid, container.name, resource, signal);
    // A pod that was never admitted: static, or of a kubelet that lost its checkpoint.
    if (resources.some((resource) => !this.#held.of(uid, container.name).has(resource)))
      await this.#inTurn(() => this.#allocatePod(pod, signal, container.name));
    return deviceRunOptions(this.#held.of(uid, container.name), (what, name) =>
      this.#options.logger.error("Two device plugins disagree", { pod: formatPod(pod), what, name }),
    );
  }

  /** Takes back what pods hold that are gone. */
  freeUnused(): void {
    const pods = this.#options.activePods();
    if (pods !== undefined && this.#held.retain(new Set(pods.map(uidOf)))) this.#saveSoon();
  }

  devicesOf(podUid: string, container: string): ContainerDevices {
    return this.#held.of(podUid, container);
  }

  /** The healthy devices of each resource. */
  allocatable(): ReadonlyMap<string, readonly PluginDevice[]> {
    return new Map(this.#registry.names().map((name) => [name, this.#registry.healthyDevices(name)]));
  }

  /** For the container's status. */
  resourceStatus(podUid: string, container: string): readonly ResourceStatus[] {
    return [...this.#held.of(podUid, container)].map(([name, allocation]) => ({
      name,
      resources: [...idsIn(allocation)].map((resourceID) => {
        const health = this.#registry.device(name, resourceID)?.health ?? HEALTHY;
        return { resourceID, health: health === HEALTHY ? "Healthy" : "Unhealthy" };
      }),
    }));
  }

  /** Resolves when everything is on disk. */
  async close(): Promise<void> {
    await this.#allocating;
    await this.#saving;
  }

  /** Resource -> amount, of those that plugins give; what the scheduler has satisfied by a claim is not theirs. */
  #wanted(pod: Pod, { name: container, resources }: Container): ReadonlyMap<string, number> {
    const limits = resources?.limits ?? {};
    const names = Object.keys(limits).filter(
      (name) => this.#isOfPlugin(name) && !isByClaim(pod, container, name),
    );
    const amounts = names.map((name) => [name, amountOf(limits, name) ?? 0] as const);
    return new Map(amounts.filter(([, amount]) => amount > 0));
  }

  #isOfPlugin(name: string): boolean {
    return this.#registry.has(name) || this.#held.inUse(name) !== undefined;
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#allocating.then(work);
    // Whoever comes next does not care how this one ended.
    this.#allocating = turn.catch(() => {});
    await turn;
  }

  /** Of all containers, or of one; what init containers had is given on. */
  async #allocatePod(pod: Pod, signal: AbortSignal, only?: string): Promise<void> {
    const uid = uidOf(pod);
    const reusable = new Map<string, ReadonlySet<string>>();
    const initNames = new Set(initContainersOf(pod).map(({ name }) => name));
    for (const container of [...initContainersOf(pod), ...containersOf(pod)]) {
      const { name } = container;
      if (only === undefined || only === name) await this.#allocate(pod, container, reusable, signal);
      const givesOn = initNames.has(name) && !isRestartableInit(container);
      for (const [resource, allocation] of this.#held.of(uid, name)) {
        const before = reusable.get(resource) ?? new Set<string>();
        const own = idsIn(allocation);
        reusable.set(resource, givesOn ? before.union(own) : before.difference(own));
      }
    }
  }

  async #allocate(
    pod: Pod,
    { name: container, ...rest }: Container,
    reusable: ReadonlyMap<string, ReadonlySet<string>>,
    signal: AbortSignal,
  ): Promise<void> {
    const podUid = uidOf(pod);
    const wanted = this.#wanted(pod, { name: container, ...rest });
    if (wanted.size === 0) return;
    this.freeUnused();
    let isChanged = false;
    for (const [resource, required] of wanted) {
      const start = startAllocation({
        podUid,
        container,
        resource,
        required,
        held: this.#held.idsOf(podUid, container, resource),
        healthy: this.#registry.healthy(resource),
        inUse: this.#held.inUse(resource) ?? new Set(),
        reusable: reusable.get(resource) ?? new Set(),
      });
      if (start === undefined) continue;
      const endpoint = this.#endpoint(resource);
      const preferred =
        start.available.length > 0 && endpoint.options.getPreferredAllocationAvailable
          ? await preferredOf(endpoint, start.available, start.taken, required, signal)
          : [];
      const ids = finishAllocation(start, preferred, required);
      const beganMs = this.#options.clock.monotonicMs();
      const response = await endpoint.client.allocate(ids, signal);
      const durationMs = this.#options.clock.monotonicMs() - beganMs;
      this.#options.metrics.allocationSeconds.observe({ resource_name: resource }, durationMs / 1000);
      if (response === undefined)
        throw new Error(`no containers return in allocation response of ${resource}`);
      this.#held.insert({ podUid, container, resource, devices: this.#byNode(resource, ids), response });
      isChanged = true;
    }
    if (isChanged) await this.#save();
  }

  #byNode(resource: string, ids: readonly string[]): ReadonlyMap<number, readonly string[]> {
    const devices = new Map<number, string[]>();
    for (const id of ids) {
      const near = this.#registry.device(resource, id)?.topology?.nodes ?? [];
      for (const node of near.length === 0 ? [NO_NUMA_NODE] : near.map((one) => one.id))
        devices.set(node, [...(devices.get(node) ?? []), id]);
    }
    return devices;
  }

  #endpoint(resource: string): Endpoint {
    const endpoint = this.#registry.endpoint(resource);
    if (endpoint === undefined) throw new Error(`endpoint ${resource} has been stopped`);
    return endpoint;
  }

  async #preStart(uid: string, container: string, resource: string, signal: AbortSignal): Promise<void> {
    const endpoint = this.#registry.endpoint(resource);
    if (endpoint === undefined || !endpoint.options.preStartRequired) return;
    const ids = this.#held.idsOf(uid, container, resource);
    if (ids === undefined)
      throw new Error(
        `no devices found allocated in local cache for pod ${uid}, container ${container}, resource ${resource}`,
      );
    try {
      await endpoint.client.preStartContainer([...ids], signal);
    } catch (err) {
      signal.throwIfAborted();
      const why = describeError(err);
      throw new Error(`device plugin PreStartContainer rpc failed with err: ${why}`, { cause: err });
    }
  }

  #save(): Promise<void> {
    const { checkpoint } = this.#options;
    const saving = this.#saving.then(() => {
      const names = this.#registry.names();
      const registered = new Map(names.map((name) => [name, [...(this.#registry.healthy(name) ?? [])]]));
      return checkpoint.save(writeCheckpoint({ entries: this.#held.entries(), registered }));
    });
    this.#saving = saving.catch(() => {});
    return saving;
  }

  #saveSoon(): void {
    this.#save().catch((err: unknown) =>
      this.#options.logger.error("Writing the checkpoint of devices failed", { err }),
    );
  }
}

async function preferredOf(
  { client }: Endpoint,
  available: readonly string[],
  taken: readonly string[],
  size: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    const all = [...new Set([...available, ...taken])];
    return await client.preferredAllocation({ available: all, mustInclude: taken, size }, signal);
  } catch (err) {
    signal.throwIfAborted();
    const why = describeError(err);
    throw new Error(`device plugin GetPreferredAllocation rpc failed with err: ${why}`, { cause: err });
  }
}
