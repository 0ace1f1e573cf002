/** Writes protobuf from the end to the front, so that the length of a message is known when it is written. @module */

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

const encoder = new TextEncoder();
const INITIAL_SIZE = 256;

export class ReverseWriter {
  #buffer = new Uint8Array(INITIAL_SIZE);
  #start = INITIAL_SIZE;

  /** Bytes written so far. */
  get length(): number {
    return this.#buffer.length - this.#start;
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#buffer.slice(this.#start);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#start -= bytes.length;
    this.#buffer.set(bytes, this.#start);
  }

  string(text: string): void {
    this.#reserve(text.length);
    const start = this.#start - text.length;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return this.bytes(encoder.encode(text));
      this.#buffer[start + i] = code;
    }
    this.#start = start;
  }

  /** A non-negative safe integer. */
  varint(value: number): void {
    let size = 1;
    for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) size++;
    this.#reserve(size);
    this.#start -= size;
    let rest = value;
    for (let i = 0; i < size; i++) {
      const isLast = i === size - 1;
      this.#buffer[this.#start + i] = (rest % 128) + (isLast ? 0 : 128);
      rest = Math.floor(rest / 128);
    }
  }

  /** int32 and int64 alike: negative numbers take ten bytes. */
  integer(value: number): void {
    if (value >= 0) return this.varint(value);
    let rest = BigInt.asUintN(64, BigInt(value));
    const bytes: number[] = [];
    for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
    this.bytes(Uint8Array.from(bytes));
  }

  double(value: number): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    this.bytes(bytes);
  }

  tag(number: number, wireType: number): void {
    this.varint(number * 8 + wireType);
  }

  /** Length and tag of what was written since the writer had `before` bytes. */
  delimit(number: number, before: number): void {
    this.varint(this.length - before);
    this.tag(number, BYTES);
  }

  #reserve(size: number): void {
    if (this.#start >= size) return;
    const bigger = new Uint8Array(Math.max(this.#buffer.length * 2, this.length + size));
    const start = bigger.length - this.length;
    bigger.set(this.#buffer.subarray(this.#start), start);
    this.#buffer = bigger;
    this.#start = start;
  }
}
