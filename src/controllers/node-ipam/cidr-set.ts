/** A range of addresses cut into equal parts, of which each is given out once. @module */

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
  readonly #family: 4 | 6;
  readonly #base: bigint;
  readonly #partBits: number;
  readonly #prefix: number;
  readonly #count: number;
  readonly #used = new Set<number>();
  readonly #observer: CidrSetObserver | undefined;
  #next = 0;

  /** Throws a RangeError for text that is no CIDR, or for parts that do not fit. */
  constructor(cidr: string, partPrefix: number, observer?: CidrSetObserver) {
    const { family, base, prefix } = parseCidr(cidr);
    if (partPrefix < prefix)
      throw new RangeError(`New CIDR set failed; the node CIDR size is too big: /${partPrefix} of ${cidr}`);
    if (2 ** (partPrefix - prefix) > PARTS_MAX)
      throw new RangeError(`The node CIDR size /${partPrefix} is too small for ${cidr}`);
    this.#family = family;
    this.#base = base;
    this.#prefix = partPrefix;
    this.#partBits = bitsOf(family) - partPrefix;
    this.#count = 2 ** (partPrefix - prefix);
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
      return `${formatAddress(this.#family, this.#base + (BigInt(index) << BigInt(this.#partBits)))}/${this.#prefix}`;
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
    const { family, base, prefix } = parseCidr(cidr);
    if (family !== this.#family) return false;
    const shift = BigInt(this.#partBits);
    const first = (base - this.#base) >> shift;
    const last = (base + (1n << BigInt(bitsOf(family) - prefix)) - 1n - this.#base) >> shift;
    const [from, to] = [Math.max(Number(first), 0), Math.min(Number(last), this.#count - 1)];
    for (let index = from; index <= to; index++) visit(index);
    return first >= 0n && last < BigInt(this.#count);
  }
}

export function familyOf(cidr: string): 4 | 6 {
  return cidr.includes(":") ? 6 : 4;
}

function bitsOf(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

function parseCidr(cidr: string): { readonly family: 4 | 6; readonly base: bigint; readonly prefix: number } {
  const [address = "", length = ""] = cidr.split("/");
  const family = familyOf(address);
  const prefix = Number(length);
  const value = family === 4 ? parseIPv4(address) : parseIPv6(address);
  if (value === undefined || !/^[0-9]+$/.test(length) || prefix > bitsOf(family))
    throw new RangeError(`invalid CIDR address: ${cidr}`);
  const hostBits = BigInt(bitsOf(family) - prefix);
  return { family, base: (value >> hostBits) << hostBits, prefix };
}

function parseIPv4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || parts.some((part) => !/^[0-9]{1,3}$/.test(part) || Number(part) > 255))
    return undefined;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function parseIPv6(text: string): bigint | undefined {
  const [head = "", tail, ...more] = text.split("::");
  if (more.length > 0) return undefined;
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const gap = 8 - left.length - right.length;
  if (tail === undefined ? gap !== 0 : gap < 1) return undefined;
  const groups = [...left, ...Array.from({ length: gap }, () => "0"), ...right];
  if (groups.some((group) => !/^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

function formatAddress(family: 4 | 6, value: bigint): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  return compressZeros(groups);
}

/** RFC 5952: the longest run of two or more zero groups becomes `::`. */
function compressZeros(groups: readonly string[]): string {
  const runs = [...groups.join(":").matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)];
  const longest = runs.reduce<RegExpExecArray | undefined>(
    (best, run) => (best === undefined || run[0].length > best[0].length ? run : best),
    undefined,
  );
  if (longest === undefined) return groups.join(":");
  const text = groups.join(":");
  const before = text.slice(0, longest.index).replace(/:$/, "");
  const after = text.slice(longest.index + longest[0].length).replace(/^:/, "");
  return `${before}::${after}`;
}
