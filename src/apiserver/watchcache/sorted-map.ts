/** A map in byte order of its keys, for prefix scans and paging: sorted chunks, so that an insert moves at most one chunk. @module */
import { compareStrings, isOrderedAlike } from "#apimachinery";

const CHUNK_MAX = 512;

interface Keyed {
  readonly key: string;
}

type IsBefore = (a: string, b: string) => boolean;

export class SortedMap<V extends Keyed> {
  readonly #byKey = new Map<string, V>();
  /** Of keys alone, so that a new value of a known key costs no search. Never holds an empty chunk. */
  readonly #chunks: string[][] = [];
  /** All keys so far are in the same order for JavaScript. */
  #isPlain = true;

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): V | undefined {
    return this.#byKey.get(key);
  }

  set(value: V): void {
    const { key } = value;
    if (!this.#byKey.has(key)) this.#insert(key);
    this.#byKey.set(key, value);
  }

  delete(key: string): void {
    if (!this.#byKey.delete(key)) return;
    const isBefore = this.#order(key);
    const at = this.#chunkFor(key, isBefore);
    const chunk = this.#chunks[at]!;
    chunk.splice(lowerBound(chunk, key, isBefore), 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  values(): IterableIterator<V> {
    return this.#byKey.values();
  }

  /** Values whose key starts with `prefix` and comes after `startAfter`, in order. */
  *range(prefix: string, startAfter = ""): Generator<V> {
    const from = compareStrings(startAfter, prefix) > 0 ? startAfter : prefix;
    const isBefore = this.#order(from);
    for (let at = this.#chunkFor(from, isBefore); at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at]!;
      for (let i = lowerBound(chunk, from, isBefore); i < chunk.length; i++) {
        const key = chunk[i]!;
        if (key === startAfter && startAfter !== "") continue;
        if (!key.startsWith(prefix)) return;
        yield this.#byKey.get(key)!;
      }
    }
  }

  #insert(key: string): void {
    this.#isPlain &&= isOrderedAlike(key);
    if (this.#chunks.length === 0) {
      this.#chunks.push([key]);
      return;
    }
    const isBefore = this.#order(key);
    const at = this.#chunkFor(key, isBefore);
    const chunk = this.#chunks[at]!;
    chunk.splice(lowerBound(chunk, key, isBefore), 0, key);
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
      if (isBefore(key, this.#chunks[middle]![0]!)) high = middle - 1;
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
function lowerBound(chunk: readonly string[], key: string, isBefore: IsBefore): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(chunk[middle]!, key)) low = middle + 1;
    else high = middle;
  }
  return low;
}
