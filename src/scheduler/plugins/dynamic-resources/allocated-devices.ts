/** Which devices claims have: alone, or a share of them. @module */
import type { AllocationResult } from "#api/resource/v1/types.gen";
import { parseQuantity } from "#apimachinery";
import { addConsumed, type Consumed } from "./consumable-capacity.ts";
import { deviceId } from "./pools.ts";

export interface AllocatedState {
  /** Whether nobody else can have the device of this id. */
  isDedicated(id: string): boolean;
  /** By the id of the device: what its shares consume together. */
  readonly shared: ReadonlyMap<string, Consumed>;
}

export interface DeviceShare {
  readonly device: string;
  /** Device and share. */
  readonly id: string;
  readonly consumed: Consumed;
}

/** Kept up to date by every allocation that comes or goes. */
export class AllocatedDevices {
  /** Device -> how many claims have it. */
  readonly #dedicated = new Map<string, number>();
  readonly #shares = new Map<string, DeviceShare>();

  add(allocation: AllocationResult | undefined): void {
    const { dedicated, shares } = usesOf(allocation);
    for (const id of dedicated) this.#dedicated.set(id, (this.#dedicated.get(id) ?? 0) + 1);
    for (const share of shares) this.#shares.set(share.id, share);
  }

  delete(allocation: AllocationResult | undefined): void {
    const { dedicated, shares } = usesOf(allocation);
    for (const id of dedicated) {
      const count = (this.#dedicated.get(id) ?? 0) - 1;
      if (count > 0) this.#dedicated.set(id, count);
      else this.#dedicated.delete(id);
    }
    for (const { id } of shares) this.#shares.delete(id);
  }

  /** Together with allocations of which some may be known already. A view: what comes or goes later shows, shares do not. */
  with(allocations: Iterable<AllocationResult | undefined>): AllocatedState {
    const ids = new Set<string>();
    const byId = new Map(this.#shares);
    for (const allocation of allocations) {
      const { dedicated, shares } = usesOf(allocation);
      for (const id of dedicated) ids.add(id);
      for (const share of shares) byId.set(share.id, share);
    }
    const shared = new Map<string, Consumed>();
    for (const { device, consumed } of byId.values())
      shared.set(device, addConsumed(shared.get(device), consumed));
    return { isDedicated: (id) => this.#dedicated.has(id) || ids.has(id), shared };
  }
}

/** Devices used with admin access stay free for others. */
function usesOf(allocation: AllocationResult | undefined): {
  readonly dedicated: readonly string[];
  readonly shares: readonly DeviceShare[];
} {
  const dedicated: string[] = [];
  const shares: DeviceShare[] = [];
  for (const result of allocation?.devices?.results ?? []) {
    if (result.adminAccess === true) continue;
    const device = deviceId(result.driver, result.pool, result.device);
    const { shareID, consumedCapacity = {} } = result;
    if (shareID === undefined) {
      dedicated.push(device);
      continue;
    }
    const consumed = Object.entries(consumedCapacity).map(
      ([name, text]) => [name, parseQuantity(text)] as const,
    );
    shares.push({ device, id: `${device}/${shareID}`, consumed: new Map(consumed) });
  }
  return { dedicated, shares };
}
