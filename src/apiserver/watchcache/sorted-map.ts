/** A map in byte order of its keys, for prefix scans and paging: sorted chunks, so that an insert moves at most one chunk. @module */
import { compareStrings } from "#apimachinery";

const CHUNK_MAX = 512;

interface Keyed {
  readonly key: string;
}

export class SortedMap<V extends Keyed> {
  readonly #byKey = new Map<string, V>();
  /** Never holds an empty chunk. */
  readonly #chunks: V[][] = [];

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): V | undefined {
    return this.#byKey.get(key);
  }

  set(value: V): void {
    const known = this.#byKey.has(value.key);
    this.#byKey.set(value.key, value);
    if (this.#chunks.length === 0) {
      this.#chunks.push([value]);
      return;
    }
    const at = this.#chunkFor(value.key);
    const chunk = this.#chunks[at]!;
    const index = lowerBound(chunk, value.key);
    if (known) chunk[index] = value;
    else chunk.splice(index, 0, value);
    if (chunk.length > CHUNK_MAX) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK_MAX / 2));
  }

  delete(key: string): void {
    if (!this.#byKey.delete(key)) return;
    const at = this.#chunkFor(key);
    const chunk = this.#chunks[at]!;
    chunk.splice(lowerBound(chunk, key), 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  values(): IterableIterator<V> {
    return this.#byKey.values();
  }

  /** Values whose key starts with `prefix` and comes after `startAfter`, in order. */
  *range(prefix: string, startAfter = ""): Generator<V> {
    const from = compareStrings(startAfter, prefix) > 0 ? startAfter : prefix;
    for (let at = this.#chunkFor(from); at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at]!;
      for (let i = lowerBound(chunk, from); i < chunk.length; i++) {
        const value = chunk[i]!;
        if (value.key === startAfter && startAfter !== "") continue;
        if (!value.key.startsWith(prefix)) return;
        yield value;
      }
    }
  }

  /** The last chunk that starts at or before `key`. */
  #chunkFor(key: string): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (compareStrings(this.#chunks[middle]![0]!.key, key) <= 0) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  }
}

/** Index of the first value whose key is not before `key`. */
function lowerBound(chunk: readonly Keyed[], key: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareStrings(chunk[middle]!.key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
