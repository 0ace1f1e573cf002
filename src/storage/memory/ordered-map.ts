/** A map whose keys can be walked in byte order from any point. @module */
import { isOrderedAlike } from "#apimachinery";
import { compareKeys } from "../keys.ts";

/** Keys in one chunk before it is split: moving so many within an array is cheaper than walking a tree. */
const CHUNK_MAX = 512;

type IsBefore = (a: string, b: string) => boolean;

export class OrderedMap<V> {
  readonly #values = new Map<string, V>();
  /** All keys so far are in the same order for JavaScript. */
  #isPlain = true;
  /** Sorted keys in sorted chunks; no chunk is empty. */
  readonly #chunks: string[][] = [];

  get size(): number {
    return this.#values.size;
  }

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: V): void {
    if (!this.#values.has(key)) this.#insert(key);
    this.#values.set(key, value);
  }

  delete(key: string): void {
    if (!this.#values.delete(key)) return;
    const isBefore = this.#order(key);
    const at = this.#chunkOf(key, isBefore);
    const chunk = this.#chunks[at]!;
    chunk.splice(lowerBound(chunk, key, isBefore), 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** Keys from `start` (which is included) to before `end`; the map must not change meanwhile. */
  *keys(start: string, end: string | undefined): Generator<string, void> {
    const isBefore = this.#order(start);
    for (let c = this.#chunkOf(start, isBefore), first = true; c < this.#chunks.length; c++, first = false) {
      const chunk = this.#chunks[c]!;
      for (let i = first ? lowerBound(chunk, start, isBefore) : 0; i < chunk.length; i++) {
        if (end !== undefined && compareKeys(chunk[i]!, end) >= 0) return;
        yield chunk[i]!;
      }
    }
  }

  #insert(key: string): void {
    this.#isPlain &&= isOrderedAlike(key);
    const isBefore = this.#order(key);
    const at = this.#chunkOf(key, isBefore);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return void this.#chunks.push([key]);
    chunk.splice(lowerBound(chunk, key, isBefore), 0, key);
    if (chunk.length > CHUNK_MAX) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK_MAX / 2));
  }

  /** For a search of `key`: JavaScript's own comparison is ten times faster than ours. */
  #order(key: string): IsBefore {
    return this.#isPlain && isOrderedAlike(key) ? isPlainlyBefore : isKeyBefore;
  }

  /** The last chunk that begins at or before the key; the first one if none does. */
  #chunkOf(key: string, isBefore: IsBefore): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(key, this.#chunks[middle]![0]!)) high = middle;
      else low = middle + 1;
    }
    return Math.max(0, low - 1);
  }
}

function isPlainlyBefore(a: string, b: string): boolean {
  return a < b;
}

function isKeyBefore(a: string, b: string): boolean {
  return compareKeys(a, b) < 0;
}

/** Index of the first key that is not before `key`. */
function lowerBound(chunk: readonly string[], key: string, isBefore: IsBefore): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(chunk[middle]!, key)) low = middle + 1;
    else high = middle;
  }
  return low;
}
