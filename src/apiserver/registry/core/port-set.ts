/** A set of ports of one range, stored as upstream stores it: a RangeAllocation whose data is a bitmap. @module */
import type { PortRange } from "./service-node-ports.ts";

interface RangeAllocation {
  readonly range?: string;
  readonly data?: string;
}

export class PortSet {
  readonly #range: PortRange;
  readonly #bits: Uint8Array;

  constructor(range: PortRange, bits?: Uint8Array) {
    this.#range = range;
    this.#bits = bits ?? new Uint8Array(Math.ceil((range.to - range.from + 1) / 8));
  }

  /** Throws when the stored set is of another range: repair makes a new one of what Services have. */
  static parse(bytes: Uint8Array, range: PortRange): PortSet {
    const { range: stored = "", data = "" } = JSON.parse(Buffer.from(bytes).toString()) as RangeAllocation;
    const empty = new PortSet(range);
    if (stored !== textOf(range)) throw new ForeignPortRange(stored, textOf(range));
    Buffer.from(data, "base64").copy(empty.#bits);
    return empty;
  }

  has(port: number): boolean {
    const bit = port - this.#range.from;
    return (this.#bits[bit >> 3]! & (1 << (bit & 7))) !== 0;
  }

  add(port: number): void {
    const bit = port - this.#range.from;
    this.#bits[bit >> 3]! |= 1 << (bit & 7);
  }

  delete(port: number): void {
    const { from, to } = this.#range;
    if (port < from || port > to) return;
    const bit = port - from;
    this.#bits[bit >> 3]! &= ~(1 << (bit & 7));
  }

  *[Symbol.iterator](): Generator<number> {
    for (let port = this.#range.from; port <= this.#range.to; port++) if (this.has(port)) yield port;
  }

  clone(): PortSet {
    return new PortSet(this.#range, this.#bits.slice());
  }

  equals(other: PortSet): boolean {
    return Buffer.compare(this.#bits, other.#bits) === 0;
  }

  toBytes(): Uint8Array {
    const allocation = {
      kind: "RangeAllocation",
      apiVersion: "v1",
      metadata: { name: "servicenodeports" },
      range: textOf(this.#range),
      data: Buffer.from(this.#bits).toString("base64"),
    };
    return Buffer.from(JSON.stringify(allocation));
  }
}

/** `--service-node-port-range` is another than the one that is stored. */
export class ForeignPortRange extends Error {
  override readonly name = "ForeignPortRange";

  constructor(stored: string, wanted: string) {
    super(`the stored node port range ${stored} is not ${wanted}`);
  }
}

function textOf({ from, to }: PortRange): string {
  return `${from}-${to}`;
}
