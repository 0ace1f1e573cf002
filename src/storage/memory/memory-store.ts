/** The store held in memory: the model the other backends are tested against, and what in-process clusters use. @module */
import { ChangeRing, type HistorySlice } from "../change-ring.ts";
import { checkWrites, compareKeys, prefixEnd, startOf } from "../keys.ts";
import { planCommit } from "../plan-commit.ts";
import {
  Compacted,
  FutureRevision,
  RevisionConflict,
  StoreClosed,
  type Change,
  type Entry,
  type Range,
  type RangeOptions,
  type Revision,
  type Store,
  type Write,
} from "../store.ts";
import { WatchHub } from "../watch-hub.ts";
import { OrderedMap } from "./ordered-map.ts";

export interface MemoryStoreOptions {
  /** Changes kept for watches and old ranges; beyond them the oldest are compacted. Default: 100,000. */
  readonly historyMax?: number;
  /** Bytes of values so kept. Default: 256 MiB. */
  readonly historyBytesMax?: number;
}

const SCAN_MAX = 512;

export async function openMemoryStore(options: MemoryStoreOptions = {}): Promise<Store> {
  return new MemoryStore(options);
}

class MemoryStore implements Store {
  readonly #entries = new OrderedMap<Entry>();
  readonly #ring: ChangeRing;
  readonly #hub: WatchHub;
  #revision: Revision = 0;
  #closed = false;

  constructor({ historyMax = 100_000, historyBytesMax = 256 * 2 ** 20 }: MemoryStoreOptions) {
    this.#ring = new ChangeRing({ changesMax: historyMax, bytesMax: historyBytesMax }, 0);
    this.#hub = new WatchHub((prefix, from) => this.#history(prefix, from), 0);
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#assertOpen();
    return this.#entries.get(key);
  }

  async range(options: RangeOptions): Promise<Range> {
    this.#assertOpen();
    const revision = options.revision ?? this.#revision;
    if (revision > this.#revision) throw new FutureRevision(revision, this.#revision);
    if (revision < this.#ring.floor) throw new Compacted(revision, this.#ring.floor);
    const entries: Entry[] = [];
    let remaining = 0;
    for (const entry of this.#entriesAt(options, revision)) {
      if (options.limit === undefined || entries.length < options.limit) entries.push(entry);
      else remaining++;
    }
    return { entries, revision, remaining };
  }

  async commit(writes: readonly Write[]): Promise<Revision> {
    this.#assertOpen();
    checkWrites(writes);
    const { outcomes, changes, revision } = planCommit(
      [writes],
      (key) => this.#entries.get(key),
      this.#revision,
    );
    if (outcomes[0] instanceof RevisionConflict) throw outcomes[0];
    for (const { key, value } of changes) {
      if (value === undefined) this.#entries.delete(key);
      else this.#entries.set(key, { key, value, revision });
    }
    this.#revision = revision;
    this.#ring.push(changes);
    this.#hub.publish(changes, revision);
    return revision;
  }

  watch(prefix: string, from: Revision, signal: AbortSignal): AsyncIterable<readonly Change[]> {
    this.#assertOpen();
    return this.#hub.watch(prefix, from, signal);
  }

  async revision(): Promise<Revision> {
    this.#assertOpen();
    return this.#revision;
  }

  async compact(revision: Revision): Promise<void> {
    this.#assertOpen();
    if (revision > this.#revision) throw new FutureRevision(revision, this.#revision);
    this.#ring.forget(revision);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#hub.close();
  }

  #history(prefix: string, from: Revision): HistorySlice {
    if (from > this.#revision) throw new FutureRevision(from, this.#revision);
    if (from < this.#ring.floor) throw new Compacted(from, this.#ring.floor);
    return this.#ring.after(from, prefix, SCAN_MAX);
  }

  /** Entries of the range as they were: what stands now, with every later change taken back. */
  *#entriesAt(options: RangeOptions, revision: Revision): Generator<Entry, void> {
    const after = startOf(options);
    const before = new Map<string, Entry | undefined>();
    const inRange = (key: string): boolean => after === undefined || compareKeys(key, after) > 0;
    if (revision < this.#revision)
      for (const { key, previous } of this.#ring.after(revision, options.prefix, Infinity).changes)
        if (inRange(key) && !before.has(key)) before.set(key, previous);
    const gone = [...before.keys()]
      .filter((key) => this.#entries.get(key) === undefined)
      .toSorted(compareKeys);
    let g = 0;
    for (const key of this.#entries.keys(after ?? options.prefix, prefixEnd(options.prefix))) {
      if (!inRange(key)) continue;
      for (; g < gone.length && compareKeys(gone[g]!, key) < 0; g++) yield* existing(before.get(gone[g]!));
      yield* existing(before.has(key) ? before.get(key) : this.#entries.get(key));
    }
    for (; g < gone.length; g++) yield* existing(before.get(gone[g]!));
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreClosed();
  }
}

function existing(entry: Entry | undefined): readonly Entry[] {
  return entry === undefined ? [] : [entry];
}
