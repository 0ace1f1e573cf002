/**
 * Which servers of the cluster live, by their addresses: each renews an entry of the store. An entry that did not change
 * for its time, on the observer's own clock, is of a server that is gone; clocks are never compared.
 * @module
 */
import type { Clock } from "#apimachinery";
import { RevisionConflict, type Store } from "#storage";
import { storageKey, storagePrefix } from "../watchcache/storage-key.ts";

/** Upstream's DefaultEndpointReconcilerTTL. */
const LEASE_MS = 15_000;
const RESOURCE = "core/masterleases";

interface Seen {
  readonly revision: number;
  readonly atMs: number;
}

export class MasterLeases {
  readonly #store: Store;
  readonly #clock: Clock;
  #seen: ReadonlyMap<string, Seen> = new Map();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async renew(ip: string): Promise<void> {
    const key = storageKey(RESOURCE, ip);
    for (;;) {
      const entry = await this.#store.get(key);
      const generation = entry === undefined ? 1 : generationOf(entry.value) + 1;
      const value = record(ip, generation);
      if (await this.#commit(key, value, entry?.revision ?? 0)) return;
    }
  }

  async remove(ip: string): Promise<void> {
    const key = storageKey(RESOURCE, ip);
    for (;;) {
      const entry = await this.#store.get(key);
      if (entry === undefined || (await this.#commit(key, undefined, entry.revision))) return;
    }
  }

  /** Sorted. Removes the entries of servers that are gone. */
  async list(): Promise<readonly string[]> {
    const nowMs = this.#clock.monotonicMs();
    const { entries } = await this.#store.range({ prefix: storagePrefix(RESOURCE, "") });
    const seen = new Map<string, Seen>();
    const alive: string[] = [];
    for (const { key, revision } of entries) {
      const before = this.#seen.get(key);
      const since = before?.revision === revision ? before : { revision, atMs: nowMs };
      if (nowMs - since.atMs > LEASE_MS) {
        await this.#commit(key, undefined, revision);
        continue;
      }
      seen.set(key, since);
      alive.push(key.slice(key.lastIndexOf("/") + 1));
    }
    this.#seen = seen;
    return alive.toSorted();
  }

  /** False: the entry changed meanwhile. */
  async #commit(key: string, value: Uint8Array | undefined, ifRevision: number): Promise<boolean> {
    try {
      await this.#store.commit([{ key, value, ifRevision }], { durability: "memory" });
      return true;
    } catch (err) {
      if (err instanceof RevisionConflict) return false;
      throw err;
    }
  }
}

/** As upstream keeps it: Endpoints of one address, whose generation is counted so that the entry changes. */
function record(ip: string, generation: number): Uint8Array {
  const subsets = [{ addresses: [{ ip }] }];
  return Buffer.from(
    JSON.stringify({ kind: "Endpoints", apiVersion: "v1", metadata: { name: ip, generation }, subsets }),
  );
}

function generationOf(bytes: Uint8Array): number {
  const { metadata } = JSON.parse(Buffer.from(bytes).toString()) as { metadata?: { generation?: number } };
  return metadata?.generation ?? 0;
}
