/** A map in byte order of its keys, for prefix scans and paging: sorted chunks, so that an insert moves at most one chunk. @module */
import { compareStrings, isOrderedAlike } from "#apimachinery";

const CHUNK_MAX = 512;

interface Keyed {
  readonly key: string;
}

/** Where a value stands: a new one for a known key costs no search. */
interface Cell<V> {
  readonly key: string;
  value: V;
}

type IsBefore = (a: string, b: string) => boolean;

export class SortedMap<V extends Keyed> {
  readonly #byKey = new Map<string, Cell<V>>();
  /** In order of keys, so that a list looks nothing up. Never holds an empty chunk. */
  readonly #chunks: Cell<V>[][] = [];
  /** All keys so far are in the same order for JavaScript. */
  #isPlain = true;

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): V | undefined {
    return this.#byKey.get(key)?.value;
  }

  set(value: V): void {
    const { key } = value;
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      known.value = value;
      return;
    }
    const cell = { key, value };
    this.#byKey.set(key, cell);
    this.#insert(cell);
  }

  delete(key: string): void {
    if (!this.#byKey.delete(key)) return;
    const isBefore = this.#order(key);
    const at = this.#chunkFor(key, isBefore);
    const chunk = this.#chunks[at]!;
    chunk.splice(lowerBound(chunk, key, isBefore), 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** Values whose key starts with `prefix` and comes after `startAfter`, in order: all as they are now. */
  range(prefix: string, startAfter = ""): V[] {
    const from = compareStrings(startAfter, prefix) > 0 ? startAfter : prefix;
    const isBefore = this.#order(from);
    const found: V[] = [];
    for (let at = this.#chunkFor(from, isBefore); at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at]!;
      const start = found.length > 0 ? 0 : lowerBound(chunk, from, isBefore);
      const end = endOf(chunk, start, prefix);
      for (let i = start; i < end; i++) {
        const { key, value } = chunk[i]!;
        if (i > start || key !== startAfter) found.push(value);
      }
      if (end < chunk.length) break;
    }
    return found;
  }

  #insert(cell: Cell<V>): void {
    const { key } = cell;
    this.#isPlain &&= isOrderedAlike(key);
    if (this.#chunks.length === 0) {
      this.#chunks.push([cell]);
      return;
    }
    const isBefore = this.#order(key);
    const at = this.#chunkFor(key, isBefore);
    const chunk = this.#chunks[at]!;
    chunk.splice(lowerBound(chunk, key, isBefore), 0, cell);
    if (chunk.length > CHUNK_MAX) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK_MAX / 2));
  }

  /** For a search of `key`: JavaScript's own comparison is ten times faster than ours. */
  #order(key: string): IsBefore {
    return this.#isPlain && isOrderedAlike(key) ? isPlainlyBefore : isBytewiseBefore;
  }

  /** The last chunk that starts at or before `key`. */
  #chunkFor(key: string, isBefore: IsBefore): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (isBefore(key, this.#chunks[middle]![0]!.key)) high = middle - 1;
      else low = middle;
    }
    return Math.max(low, 0);
  }
}

function isPlainlyBefore(a: string, b: string): boolean {
  return a < b;
}

function isBytewiseBefore(a: string, b: string): boolean {
  return compareStrings(a, b) < 0;
}

/** Index of the first key that is not before `key`. */
function lowerBound(chunk: readonly Keyed[], key: string, isBefore: IsBefore): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(chunk[middle]!.key, key)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the first key from `start` on that does not start with `prefix`: those that do stand together. */
function endOf(chunk: readonly Keyed[], start: number, prefix: string): number {
  if (chunk.at(-1)?.key.startsWith(prefix) === true) return chunk.length;
  let end = start;
  while (end < chunk.length && chunk[end]!.key.startsWith(prefix)) end++;
  return end;
}
