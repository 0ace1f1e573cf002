/** Reads protobuf; every length is checked against what is there. @module */
import { BYTES, FIXED32, FIXED64, VARINT } from "./writer.ts";

/** The bytes are not a protobuf message of the type. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const NUMBER_MAX = 2 ** 29;

export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Number and wire type of the next field. */
  tag(): readonly [number, number] {
    const tag = this.varint();
    const number = Math.floor(tag / 8);
    if (number < 1 || number >= NUMBER_MAX) throw new ProtobufError(`proto: illegal tag ${number}`);
    return [number, tag % 8];
  }

  /** An unsigned number; beyond 2^53 it loses precision, like every number in JSON. */
  varint(): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw new ProtobufError("proto: integer overflow");
  }

  /** int32 or int64, two's complement. */
  integer(): number {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
    throw new ProtobufError("proto: integer overflow");
  }

  double(): number {
    const bytes = this.#take(8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true);
  }

  bytes(): Uint8Array {
    return this.#take(this.varint());
  }

  string(): string {
    return decoder.decode(this.bytes());
  }

  /** A field that the schema does not know. */
  skip(wireType: number): void {
    if (wireType === VARINT) this.varint();
    else if (wireType === FIXED64) this.#take(8);
    else if (wireType === BYTES) this.bytes();
    else if (wireType === FIXED32) this.#take(4);
    else throw new ProtobufError(`proto: illegal wireType ${wireType}`);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new ProtobufError("unexpected EOF");
    return byte;
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new ProtobufError("unexpected EOF");
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}

/** Fails unless a field has the wire type its type demands. */
export function expectWire(actual: number, expected: number, name: string): void {
  if (actual !== expected) throw new ProtobufError(`proto: wrong wireType = ${actual} for field ${name}`);
}
