/** The most recent changes, held in memory within bounds: what watches and ranges at old revisions read first. @module */
import type { Change, Revision } from "./store.ts";

export interface ChangeRingLimits {
  readonly changesMax: number;
  readonly bytesMax: number;
}

/** A piece of history in whole commits: everything under a prefix after one revision, up to and including `through`. */
export interface HistorySlice {
  readonly changes: readonly Change[];
  readonly through: Revision;
}

export class ChangeRing {
  readonly #limits: ChangeRingLimits;
  /** In order of revision; the ones before `#head` are gone. */
  #changes: (Change | undefined)[] = [];
  #head = 0;
  /** The last change of each key that is held. */
  readonly #lastOf = new Map<string, Change>();
  #bytes = 0;
  #floor: Revision;
  #latest: Revision;

  constructor(limits: ChangeRingLimits, revision: Revision) {
    this.#limits = limits;
    this.#floor = revision;
    this.#latest = revision;
  }

  /** Every change after this revision is held. */
  get floor(): Revision {
    return this.#floor;
  }

  /** The last change of a key; undefined: it is not held any more, or there was none. */
  last(key: string): Change | undefined {
    return this.#lastOf.get(key);
  }

  /** The changes of one or more whole commits, in order. */
  push(changes: readonly Change[]): void {
    for (const change of changes) {
      this.#changes.push(change);
      this.#lastOf.set(change.key, change);
      this.#bytes += sizeOf(change);
    }
    this.#latest = changes.at(-1)?.revision ?? this.#latest;
    while (
      this.#bytes > this.#limits.bytesMax ||
      this.#changes.length - this.#head > this.#limits.changesMax
    ) {
      if (this.#head === this.#changes.length) break;
      this.forget(this.#changes[this.#head]!.revision);
    }
  }

  /** Lets go of every change up to and including `revision`. */
  forget(revision: Revision): void {
    if (revision <= this.#floor) return;
    this.#floor = revision;
    while (this.#head < this.#changes.length && this.#changes[this.#head]!.revision <= revision) {
      const change = this.#changes[this.#head]!;
      this.#bytes -= sizeOf(change);
      if (this.#lastOf.get(change.key) === change) this.#lastOf.delete(change.key);
      this.#changes[this.#head++] = undefined;
    }
    // Copying half of the array once per half keeps the cost of a change constant.
    if (this.#head > 1_024 && this.#head * 2 > this.#changes.length) {
      this.#changes = this.#changes.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Looks at `scanMax` changes or a few more, so that commits stay whole. `from` must not be before the floor. */
  after(from: Revision, prefix: string, scanMax: number): HistorySlice {
    const changes: Change[] = [];
    let through = from;
    let i = this.#indexAfter(from);
    for (let scanned = 0; i < this.#changes.length; i++, scanned++) {
      const change = this.#changes[i]!;
      if (scanned >= scanMax && change.revision !== through) return { changes, through };
      through = change.revision;
      if (change.key.startsWith(prefix)) changes.push(change);
    }
    return { changes, through: Math.max(from, this.#latest) };
  }

  /** Index of the first change after the revision, by bisection. */
  #indexAfter(revision: Revision): number {
    let low = this.#head;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#changes[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What a change keeps alive at most, roughly: both values (the one before may be another change's), the key and the objects around them. */
function sizeOf({ key, value, previous }: Change): number {
  return 200 + key.length + (value?.byteLength ?? 0) + (previous?.value.byteLength ?? 0);
}
