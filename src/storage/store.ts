/**
 * The storage contract: an ordered, revisioned key-value map with watch, shaped like etcd's.
 * It knows bytes and revisions; it knows nothing of Kubernetes objects.
 * @module
 */

/**
 * Grows by one with every successful commit that changes something; never reused, never goes back, also after a
 * crash. A safe integer. A shared etcd may grow by more, when others write to it.
 */
export type Revision = number;

export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Revision of the last write to this key. */
  readonly revision: Revision;
}

export interface Change {
  readonly key: string;
  readonly revision: Revision;
  /** undefined: the key was deleted. */
  readonly value: Uint8Array | undefined;
  /** The entry before the change; undefined: the key was created. */
  readonly previous: Entry | undefined;
}

export interface Write {
  readonly key: string;
  /** undefined deletes the key. */
  readonly value: Uint8Array | undefined;
  /** The write happens only if the key's revision is this; 0 means "must not exist". */
  readonly ifRevision: Revision;
}

export interface CommitOptions {
  /**
   * "disk" (default): the promise resolves only when the commit survives a crash of the machine.
   * "memory": may resolve once readers can see it; a crash may lose the last moments of such writes, and never reorders.
   */
  readonly durability?: "disk" | "memory";
}

export interface RangeOptions {
  readonly prefix: string;
  /** Entries with keys strictly after this one; how a paged list continues. */
  readonly startAfter?: string;
  /** At most so many entries; absent: all. */
  readonly limit?: number;
  /** The state as of this revision; absent: the latest. Throws `Compacted` or `FutureRevision`. */
  readonly revision?: Revision;
}

export interface Range {
  /** In byte order of their keys. */
  readonly entries: readonly Entry[];
  /** The revision at which all of them were read. */
  readonly revision: Revision;
  /** Entries of the prefix beyond the last one returned; 0 when the range is complete. */
  readonly remaining: number;
}

export interface Store {
  get(key: string): Promise<Entry | undefined>;
  range(options: RangeOptions): Promise<Range>;
  /**
   * Applies all writes at one revision, or throws `RevisionConflict` and changes nothing. Writes must name distinct keys.
   * A commit that changes nothing (no writes, or deletes of what does not exist) resolves with the current revision.
   * Throws `StorageFull` when there is no room; reads go on, and writes work again once there is space.
   */
  commit(writes: readonly Write[], options?: CommitOptions): Promise<Revision>;
  /**
   * Every change under `prefix` after `from`, in order, without gaps, in batches of whole commits, until `signal` aborts
   * (then it returns). Throws `Compacted` when `from` is older than the compaction, `FutureRevision` when it is not reached yet.
   * `onProgress` is told revisions up to which everything was yielded, in step with what is yielded: a store that others
   * share moves on without a change under `prefix`.
   */
  watch(
    prefix: string,
    from: Revision,
    signal: AbortSignal,
    onProgress?: (revision: Revision) => void,
  ): AsyncIterable<readonly Change[]>;
  /** Asks the running watches to tell their progress soon. Absent where revisions move with changes of this store alone. */
  requestProgress?(): void;
  /** The latest revision. */
  revision(): Promise<Revision>;
  /**
   * Forgets history before `revision`; current entries stay. Ranges and watches from `revision` on still work.
   * Throws `FutureRevision`; a revision already compacted changes nothing.
   */
  compact(revision: Revision): Promise<void>;
  /** Waits for what was acknowledged to be durable, then releases everything; further calls throw. */
  close(): Promise<void>;
}

/** The key moved on since the caller read it. The caller re-reads and retries. */
export class RevisionConflict extends Error {
  override readonly name = "RevisionConflict";
  readonly key: string;
  readonly expected: Revision;
  /** 0: the key does not exist. */
  readonly actual: Revision;

  constructor(key: string, expected: Revision, actual: Revision) {
    super(`${key}: expected revision ${expected}, found ${actual}`);
    this.key = key;
    this.expected = expected;
    this.actual = actual;
  }
}

/** The revision asked for was compacted away: list again. */
export class Compacted extends Error {
  override readonly name = "Compacted";
  readonly oldest: Revision;

  constructor(asked: Revision, oldest: Revision) {
    super(`revision ${asked} was compacted; the oldest kept is ${oldest}`);
    this.oldest = oldest;
  }
}

/** The revision asked for has not happened yet. */
export class FutureRevision extends Error {
  override readonly name = "FutureRevision";
  readonly current: Revision;

  constructor(asked: Revision, current: Revision) {
    super(`revision ${asked} is in the future; the current one is ${current}`);
    this.current = current;
  }
}

/** There is no space for the write, and nothing of it was applied. The store still answers reads. */
export class StorageFull extends Error {
  override readonly name = "StorageFull";
}

/** The store was closed, by its owner or under a running call. */
export class StoreClosed extends Error {
  override readonly name = "StoreClosed";

  constructor() {
    super("the store is closed");
  }
}
