/** The default store: one LMDB file, many commits per transaction, nothing seen or acknowledged before it is on disk. @module */
import { ChangeRing, type HistorySlice } from "../change-ring.ts";
import { checkWrites } from "../keys.ts";
import { planCommit } from "../plan-commit.ts";
import {
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
import { compactHistory } from "./compaction.ts";
import { getEntry, openEnvironment, revisionOf, writeChanges, type Environment } from "./environment.ts";
import { readLog, readRange } from "./history.ts";

export interface LmdbStoreOptions {
  /** Directory of the store; made if missing. One process at a time. */
  readonly path: string;
  /** Changes kept in memory for watches. Default: 8,192. */
  readonly recentMax?: number;
  /** Bytes of values so kept. Default: 32 MiB. */
  readonly recentBytesMax?: number;
}

/** Commits that wait for their turn; more are refused. */
export const COMMIT_QUEUE_MAX = 20_000;
/** Bounds of one transaction: what planning and handing it over may take of the event loop. */
const TRANSACTION_WRITES_MAX = 500;
const TRANSACTION_BYTES_MAX = 16 * 2 ** 20;
const SCAN_MAX = 512;

interface Waiting {
  readonly writes: readonly Write[];
  readonly resolve: (revision: Revision) => void;
  readonly reject: (error: unknown) => void;
}

export async function openLmdbStore(options: LmdbStoreOptions): Promise<Store> {
  return new LmdbStore(await openEnvironment(options.path), options);
}

class LmdbStore implements Store {
  readonly #env: Environment;
  readonly #ring: ChangeRing;
  readonly #hub: WatchHub;
  #revision: Revision;
  #queue: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #compacting: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(env: Environment, { recentMax = 8_192, recentBytesMax = 32 * 2 ** 20 }: LmdbStoreOptions) {
    this.#env = env;
    this.#revision = env.meta.get("revision") ?? 0;
    this.#ring = new ChangeRing({ changesMax: recentMax, bytesMax: recentBytesMax }, this.#revision);
    this.#hub = new WatchHub((prefix, from) => this.#history(prefix, from), this.#revision);
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#assertOpen();
    const last = this.#ring.last(key);
    // On disk there may be a later one already, of which the ring has not been told.
    const isCurrent = last !== undefined && revisionOf(this.#env, key) === last.revision;
    return isCurrent ? entryAfter(last) : getEntry(this.#env, key);
  }

  async range(options: RangeOptions): Promise<Range> {
    this.#assertOpen();
    return readRange(this.#env, options);
  }

  /** "memory" durability gains nothing here: such writes ride in the same transactions. */
  async commit(writes: readonly Write[]): Promise<Revision> {
    this.#assertOpen();
    checkWrites(writes);
    if (this.#queue.length >= COMMIT_QUEUE_MAX)
      throw new Error(`the store is overloaded: ${COMMIT_QUEUE_MAX} commits are waiting`);
    return new Promise((resolve, reject) => {
      this.#queue.push({ writes, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  async *watch(prefix: string, from: Revision, signal: AbortSignal): AsyncGenerator<readonly Change[], void> {
    this.#assertOpen();
    const current = await this.revision();
    if (from > current) throw new FutureRevision(from, current);
    yield* this.#hub.watch(prefix, from, signal);
  }

  /** What a reader can see, which may be a moment ahead of what the watches have been told. */
  async revision(): Promise<Revision> {
    this.#assertOpen();
    return Math.max(this.#revision, this.#env.meta.get("revision") ?? 0);
  }

  async compact(revision: Revision): Promise<void> {
    this.#assertOpen();
    const run = async (): Promise<void> => {
      this.#assertOpen();
      if (revision > this.#revision) throw new FutureRevision(revision, this.#revision);
      if (revision <= (this.#env.meta.get("compacted") ?? 0)) return;
      this.#ring.forget(revision);
      await compactHistory(this.#env, revision);
    };
    const running = this.#compacting.then(run);
    // The caller sees a failure; the next compaction goes ahead all the same.
    this.#compacting = running.catch(() => {});
    await running;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#hub.close();
    await this.#flushing;
    await this.#compacting;
    await this.#env.close();
  }

  /** Commits everything that waits, transaction by transaction, each planned on the state the one before left. */
  async #flush(): Promise<void> {
    while (this.#queue.length > 0) {
      // Every commit of the current turn of the event loop joins.
      await nextTurn();
      const waiting = this.#queue.splice(0, transactionLength(this.#queue));
      try {
        await this.#transact(waiting);
      } catch (error) {
        for (const { reject } of waiting) reject(error);
      }
    }
    this.#flushing = undefined;
  }

  async #transact(waiting: readonly Waiting[]): Promise<void> {
    const commits = waiting.map(({ writes }) => writes);
    const plan = planCommit(commits, (key) => this.#current(key), this.#revision);
    if (plan.changes.length > 0) {
      await writeChanges(this.#env, plan.changes);
      this.#revision = plan.revision;
      this.#ring.push(plan.changes);
      this.#hub.publish(plan.changes, plan.revision);
    }
    for (const [i, outcome] of plan.outcomes.entries()) {
      if (outcome instanceof RevisionConflict) waiting[i]!.reject(outcome);
      else waiting[i]!.resolve(outcome);
    }
  }

  /** Between two transactions, when the ring knows them all: bytes that are in memory are not read once more. */
  #current(key: string): Entry | undefined {
    const last = this.#ring.last(key);
    return last === undefined ? getEntry(this.#env, key) : entryAfter(last);
  }

  #history(prefix: string, from: Revision): HistorySlice {
    return from >= this.#ring.floor
      ? this.#ring.after(from, prefix, SCAN_MAX)
      : readLog(this.#env, prefix, from);
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreClosed();
  }
}

function entryAfter({ key, value, revision }: Change): Entry | undefined {
  return value && { key, value, revision };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** How many of the waiting commits fit into one transaction: at least one, however large. */
function transactionLength(queue: readonly Waiting[]): number {
  let writes = 0;
  let bytes = 0;
  for (const [i, commit] of queue.entries()) {
    writes += commit.writes.length;
    for (const { value } of commit.writes) bytes += value?.byteLength ?? 0;
    if (i > 0 && (writes > TRANSACTION_WRITES_MAX || bytes > TRANSACTION_BYTES_MAX)) return i;
  }
  return queue.length;
}
