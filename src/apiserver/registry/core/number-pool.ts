/** Which numbers of a range are in use, and choosing free ones; the bitmap under addresses and node ports. @module */

export interface NumberPoolOptions {
  readonly first: number;
  readonly count: number;
  /** The lowest numbers, which are handed out last: people choose fixed ones there (KEP-3070, KEP-3668). */
  readonly staticCount: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

const RANDOM_ATTEMPTS = 8;

export class NumberPool {
  readonly #options: NumberPoolOptions;
  readonly #used = new Set<number>();

  constructor(options: NumberPoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#used.size;
  }

  isInRange(number: number): boolean {
    const { first, count } = this.#options;
    return number >= first && number < first + count;
  }

  /** False: somebody has it. */
  take(number: number): boolean {
    if (this.#used.has(number)) return false;
    this.#used.add(number);
    return true;
  }

  /** A free number, by chance; undefined when the range is full. */
  takeAny(): number | undefined {
    const { first, count, staticCount } = this.#options;
    const found = this.#search(first + staticCount, count - staticCount) ?? this.#search(first, staticCount);
    if (found !== undefined) this.#used.add(found);
    return found;
  }

  release(number: number): void {
    this.#used.delete(number);
  }

  #search(first: number, count: number): number | undefined {
    if (count <= 0) return undefined;
    const { random } = this.#options;
    for (let i = 0; i < RANDOM_ATTEMPTS; i++) {
      const number = first + Math.floor(random() * count);
      if (!this.#used.has(number)) return number;
    }
    // Nearly full: walk once around from somewhere.
    const start = Math.floor(random() * count);
    for (let i = 0; i < count; i++) {
      const number = first + ((start + i) % count);
      if (!this.#used.has(number)) return number;
    }
    return undefined;
  }
}

/** Upstream's band of numbers kept for people: 1/`divisor` of the range within bounds; none in small ranges. */
export function staticBand(count: number, min: number, max: number, divisor: number): number {
  if (count <= min) return 0;
  return Math.min(Math.max(min, Math.floor(count / divisor)), max);
}
