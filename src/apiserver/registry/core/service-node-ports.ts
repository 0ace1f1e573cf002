/**
 * Node ports of Services: one stored bitmap for all servers, changed by compare-and-swap; upstream's `servicenodeports`
 * RangeAllocation. What several requests want at the same time is one write.
 * @module
 */
import { RevisionConflict, type Store } from "#storage";
import { storageKey } from "../../watchcache/storage-key.ts";
import { candidates, staticBand, type NumberRange } from "./number-search.ts";
import { PortSet } from "./port-set.ts";
import { AllocationError } from "./service-addresses.ts";

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

const KEY = storageKey("core/rangeallocations", "servicenodeports");
/** Swaps lost to other servers before a request is told. */
const SWAP_ATTEMPTS_MAX = 100;

interface Change {
  /** Changes the set, or throws and leaves it alone. */
  readonly apply: (ports: PortSet) => number;
  readonly resolve: (port: number) => void;
  readonly reject: (error: unknown) => void;
}

export interface StoredPorts {
  readonly ports: PortSet;
  /** 0: nothing is stored yet. */
  readonly revision: number;
}

export class NodePorts {
  readonly #store: Store;
  readonly #range: PortRange;
  readonly #random: () => number;
  #waiting: Change[] = [];
  #isFlushing = false;
  /** What was stored last, as far as this server knows. */
  #known: StoredPorts | undefined;

  constructor(store: Store, range: PortRange, random: () => number) {
    this.#store = store;
    this.#range = range;
    this.#random = random;
  }

  get range(): PortRange {
    return this.#range;
  }

  /** Throws an `AllocationError` when the port is somebody's, or out of range. */
  async take(port: number): Promise<void> {
    this.#checkRange(port);
    await this.#change((ports) => {
      if (ports.has(port)) throw alreadyAllocated();
      ports.add(port);
      return port;
    });
  }

  /** The same without taking. */
  async check(port: number): Promise<void> {
    this.#checkRange(port);
    if ((await this.read()).ports.has(port)) throw alreadyAllocated();
  }

  takeAny(): Promise<number> {
    const range = numberRange(this.#range);
    return this.#change((ports) => {
      for (const port of candidates(range, this.#random)) {
        if (ports.has(port)) continue;
        ports.add(port);
        return port;
      }
      throw new AllocationError("range is full");
    });
  }

  /** Ports that are nobody's, or of another range, are ignored. */
  async release(released: readonly number[]): Promise<void> {
    if (released.length === 0) return;
    await this.#change((ports) => {
      for (const port of released) ports.delete(port);
      return 0;
    });
  }

  /** What is stored. Throws when that is a bitmap of another range. */
  async read(): Promise<StoredPorts> {
    const entry = await this.#store.get(KEY);
    if (entry === undefined) return { ports: new PortSet(this.#range), revision: 0 };
    return { ports: PortSet.parse(entry.value, this.#range), revision: entry.revision };
  }

  /** 0: nothing is stored yet. */
  async storedRevision(): Promise<number> {
    return (await this.#store.get(KEY))?.revision ?? 0;
  }

  /** Replaces what is stored, if it is still the one that was read. Throws `RevisionConflict`. */
  async replace(ports: PortSet, revision: number): Promise<void> {
    await this.#store.commit([{ key: KEY, value: ports.toBytes(), ifRevision: revision }]);
    this.#known = undefined;
  }

  #checkRange(port: number): void {
    const { from, to } = this.#range;
    if (port >= from && port <= to) return;
    throw new AllocationError(
      `provided port is not in the valid range. The range of valid ports is ${from}-${to}`,
    );
  }

  #change(apply: Change["apply"]): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ apply, resolve, reject });
      if (!this.#isFlushing) void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    this.#isFlushing = true;
    while (this.#waiting.length > 0) {
      const changes = this.#waiting;
      this.#waiting = [];
      try {
        await this.#swap(changes);
      } catch (err) {
        for (const { reject } of changes) reject(err);
      }
    }
    this.#isFlushing = false;
  }

  async #swap(changes: readonly Change[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const { ports: stored, revision } = (this.#known ??= await this.read());
      const ports = stored.clone();
      const outcomes = changes.map(({ apply }) => outcomeOf(() => apply(ports)));
      try {
        if (!ports.equals(stored)) {
          const value = ports.toBytes();
          this.#known = { ports, revision: await this.#commit(value, revision) };
        } else if (attempt === 1 && outcomes.some((outcome) => typeof outcome !== "number")) {
          // Refused on what may be old news: look again.
          this.#known = undefined;
          continue;
        }
      } catch (err) {
        this.#known = undefined;
        if (err instanceof RevisionConflict && attempt < SWAP_ATTEMPTS_MAX) continue;
        throw err;
      }
      for (const [i, outcome] of outcomes.entries()) {
        if (typeof outcome === "number") changes[i]!.resolve(outcome);
        else changes[i]!.reject(outcome.error);
      }
      return;
    }
  }

  #commit(value: Uint8Array, ifRevision: number): Promise<number> {
    return this.#store.commit([{ key: KEY, value, ifRevision }]);
  }
}

export function numberRange({ from, to }: PortRange): NumberRange {
  const count = to - from + 1;
  return { first: from, count, staticCount: staticBand(count, 16, 128, 32) };
}

function outcomeOf(apply: () => number): number | { readonly error: unknown } {
  try {
    return apply();
  } catch (error) {
    return { error };
  }
}

function alreadyAllocated(): AllocationError {
  return new AllocationError("provided port is already allocated");
}
