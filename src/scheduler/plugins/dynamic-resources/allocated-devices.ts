/** Which devices claims have: alone, or a share of them. @module */
import type { AllocationResult, DeviceRequestAllocationResult } from "#api/resource/v1/types.gen";
import { parseQuantity } from "#apimachinery";
import { addConsumed, type Consumed } from "./consumable-capacity.ts";
import { deviceId, poolId } from "./pools.ts";

export interface AllocatedState {
  /** Whether nobody else can have the device of this id. */
  isDedicated(id: string): boolean;
  /** By the id of the device: what its shares consume together. */
  readonly shared: ReadonlyMap<string, Consumed>;
}

interface Share {
  readonly consumed: Consumed;
  users: number;
}

/** Pools whose changes are told apart; beyond, all of them count as changed. */
const VERSIONS_MAX = 100_000;

/**
 * Kept up to date by every allocation that comes or goes, whoever knows of it: what the cache has, what was written and what is
 * promised may be the same allocation, and count until the last of them goes.
 */
export class AllocatedDevices implements AllocatedState {
  /** Device -> how many have it. */
  readonly #dedicated = new Map<string, number>();
  /** Device -> share -> what it consumes. */
  readonly #shares = new Map<string, Map<string, Share>>();
  readonly #sums = new Map<string, Consumed>();
  /** Pool -> a number that grows when a device of it is taken or freed. */
  readonly #versions = new Map<string, number>();
  #lastVersion = 0;
  /** Of pools that are not in the table. */
  #oldVersion = 0;

  get shared(): ReadonlyMap<string, Consumed> {
    return this.#sums;
  }

  isDedicated(id: string): boolean {
    return this.#dedicated.has(id);
  }

  /** Only grows. As long as it is the same, so is what is allocated of the pool. */
  versionOf(pool: string): number {
    return this.#versions.get(pool) ?? this.#oldVersion;
  }

  add(allocation: AllocationResult | undefined): void {
    for (const result of usesOf(allocation)) {
      const id = deviceId(result.driver, result.pool, result.device);
      if (result.shareID !== undefined) this.#addShare(id, result.shareID, result);
      else {
        const users = this.#dedicated.get(id) ?? 0;
        this.#dedicated.set(id, users + 1);
        if (users === 0) this.#changed(result);
      }
    }
  }

  /** One that was added. */
  delete(allocation: AllocationResult | undefined): void {
    for (const result of usesOf(allocation)) {
      const id = deviceId(result.driver, result.pool, result.device);
      if (result.shareID !== undefined) this.#deleteShare(id, result.shareID, result);
      else {
        const users = (this.#dedicated.get(id) ?? 0) - 1;
        if (users > 0) this.#dedicated.set(id, users);
        else if (this.#dedicated.delete(id)) this.#changed(result);
      }
    }
  }

  #addShare(id: string, shareId: string, result: DeviceRequestAllocationResult): void {
    let shares = this.#shares.get(id);
    if (shares === undefined) this.#shares.set(id, (shares = new Map<string, Share>()));
    const known = shares.get(shareId);
    if (known !== undefined) {
      known.users++;
      return;
    }
    const consumed = consumedBy(result);
    shares.set(shareId, { consumed, users: 1 });
    this.#sums.set(id, addConsumed(this.#sums.get(id), consumed));
    this.#changed(result);
  }

  #deleteShare(id: string, shareId: string, result: DeviceRequestAllocationResult): void {
    const shares = this.#shares.get(id);
    const known = shares?.get(shareId);
    if (shares === undefined || known === undefined || --known.users > 0) return;
    shares.delete(shareId);
    let sum: Consumed | undefined;
    for (const { consumed } of shares.values()) sum = addConsumed(sum, consumed);
    if (sum === undefined) {
      this.#shares.delete(id);
      this.#sums.delete(id);
    } else this.#sums.set(id, sum);
    this.#changed(result);
  }

  #changed({ driver, pool }: DeviceRequestAllocationResult): void {
    if (this.#versions.size >= VERSIONS_MAX) {
      this.#versions.clear();
      this.#oldVersion = ++this.#lastVersion;
    }
    this.#versions.set(poolId(driver, pool), ++this.#lastVersion);
  }
}

const NO_RESULTS: readonly DeviceRequestAllocationResult[] = [];

/** Devices used with admin access stay free for others. */
function usesOf(allocation: AllocationResult | undefined): readonly DeviceRequestAllocationResult[] {
  const results = allocation?.devices?.results ?? NO_RESULTS;
  return results.some(({ adminAccess }) => adminAccess === true)
    ? results.filter(({ adminAccess }) => adminAccess !== true)
    : results;
}

function consumedBy({ consumedCapacity = {} }: DeviceRequestAllocationResult): Consumed {
  return new Map(Object.entries(consumedCapacity).map(([name, text]) => [name, parseQuantity(text)]));
}
