/** What is left of the counters that the devices of a pool share, while devices are chosen (KEP-4815). @module */
import type { Device } from "#api/resource/v1/types.gen";
import { addQuantity, parseQuantity, signOf, subQuantity, type Quantity } from "#apimachinery";
import type { Pool } from "./pools.ts";

/** By counter set and counter. */
type Counters = ReadonlyMap<string, Map<string, Quantity>>;

export class SharedCounters {
  readonly #isAllocated: (deviceId: string) => boolean;
  readonly #left = new Map<Pool, Counters>();

  constructor(isAllocated: (deviceId: string) => boolean) {
    this.#isAllocated = isAllocated;
  }

  /** Whether the pool has what the device consumes; then that is taken. */
  take(pool: Pool, device: Device): boolean {
    const left = this.#leftOf(pool);
    shift(left, device, subQuantity);
    for (const counters of left.values()) {
      for (const amount of counters.values()) {
        if (signOf(amount) >= 0) continue;
        shift(left, device, addQuantity);
        return false;
      }
    }
    return true;
  }

  giveBack(pool: Pool, device: Device): void {
    shift(this.#leftOf(pool), device, addQuantity);
  }

  /** Devices on other nodes consume, too. */
  #leftOf(pool: Pool): Counters {
    let left = this.#left.get(pool);
    if (left !== undefined) return left;
    left = new Map(
      [...pool.counterSets].map(([name, { counters }]) => [
        name,
        new Map(Object.entries(counters).map(([counter, { value }]) => [counter, parseQuantity(value)])),
      ]),
    );
    for (const { id, device } of pool.consumers) if (this.#isAllocated(id)) shift(left, device, subQuantity);
    this.#left.set(pool, left);
    return left;
  }
}

function shift(
  left: Counters,
  { consumesCounters = [] }: Device,
  by: (a: Quantity, b: Quantity) => Quantity,
): void {
  for (const { counterSet, counters } of consumesCounters) {
    const amounts = left.get(counterSet);
    for (const [name, { value }] of Object.entries(counters)) {
      const before = amounts?.get(name);
      if (before !== undefined) amounts!.set(name, by(before, parseQuantity(value)));
    }
  }
}
