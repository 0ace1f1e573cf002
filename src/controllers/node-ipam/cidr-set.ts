/** A range of addresses cut into equal parts, of which each is given out once. @module */
import { formatIp, type IpRange, parseIpRange } from "#api/validation/ip-range";

/** Parts of one range; upstream's limit for the difference of the two prefix lengths is 16 bits. */
export const PARTS_MAX = 65_536;

/** Told of what happens to one range, for metrics. */
export interface CidrSetObserver {
  sized(parts: number): void;
  taken(usedPart: number): void;
  released(usedPart: number): void;
  /** Parts in use that were passed over. */
  tried(passed: number): void;
}

/** Bounded by `PARTS_MAX` per range. */
export class CidrSet {
  readonly #range: IpRange;
  readonly #partBits: number;
  readonly #prefix: number;
  readonly #count: number;
  readonly #used = new Set<number>();
  readonly #observer: CidrSetObserver | undefined;
  #next = 0;

  /** Throws a RangeError for text that is no CIDR, or for parts that do not fit. */
  constructor(cidr: string, partPrefix: number, observer?: CidrSetObserver) {
    this.#range = rangeOf(cidr);
    const { family, prefixLength } = this.#range;
    if (partPrefix < prefixLength)
      throw new RangeError(`New CIDR set failed; the node CIDR size is too big: /${partPrefix} of ${cidr}`);
    this.#count = 2 ** (partPrefix - prefixLength);
    if (this.#count > PARTS_MAX)
      throw new RangeError(`The node CIDR size /${partPrefix} is too small for ${cidr}`);
    this.#prefix = partPrefix;
    this.#partBits = (family === "IPv4" ? 32 : 128) - partPrefix;
    this.#observer = observer;
    observer?.sized(this.#count);
  }

  /** The next free part, going round; undefined when all are in use. */
  allocate(): string | undefined {
    for (let i = 0; i < this.#count; i++) {
      const index = (this.#next + i) % this.#count;
      if (this.#used.has(index)) continue;
      this.#take(index);
      this.#observer?.tried(i);
      this.#next = (index + 1) % this.#count;
      const { family, base } = this.#range;
      return `${formatIp(family, base + (BigInt(index) << BigInt(this.#partBits)))}/${this.#prefix}`;
    }
    return undefined;
  }

  /** Marks every part that overlaps `cidr`. False: it lies outside, at least in part. */
  occupy(cidr: string): boolean {
    return this.#each(cidr, (index) => this.#take(index));
  }

  release(cidr: string): boolean {
    return this.#each(cidr, (index) => {
      if (!this.#used.delete(index)) return;
      this.#observer?.released(this.#used.size / this.#count);
    });
  }

  #take(index: number): void {
    if (this.#used.has(index)) return;
    this.#used.add(index);
    this.#observer?.taken(this.#used.size / this.#count);
  }

  #each(cidr: string, visit: (index: number) => void): boolean {
    const { family, base, size } = rangeOf(cidr);
    if (family !== this.#range.family) return false;
    const shift = BigInt(this.#partBits);
    const first = (base - this.#range.base) >> shift;
    const last = (base + size - 1n - this.#range.base) >> shift;
    const [from, to] = [Math.max(Number(first), 0), Math.min(Number(last), this.#count - 1)];
    for (let index = from; index <= to; index++) visit(index);
    return first >= 0n && last < BigInt(this.#count);
  }
}

function rangeOf(cidr: string): IpRange {
  const range = parseIpRange(cidr);
  if (range === undefined) throw new RangeError(`invalid CIDR address: ${cidr}`);
  return range;
}
