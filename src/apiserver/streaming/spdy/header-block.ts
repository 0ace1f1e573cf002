/**
 * SPDY header blocks and their compression: one zlib stream per direction for the life of the connection, flushed after
 * every block. Since a flush ends on a byte, all that later blocks need of earlier ones is the window behind them.
 * @module
 */
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { DICTIONARY } from "./dictionary.ts";

/** Lower-case names. */
export type SpdyHeaders = Readonly<Record<string, string>>;

/** Of one block, unpacked; what is larger is refused before it is. */
export const HEADER_BYTES_MAX: number = 64 * 1024;
const WINDOW_BYTES = 32 * 1024;
/** Deflate with a 32 KB window, and "a dictionary was preset"; with the checksum that RFC 1950 wants. */
const ZLIB_HEADER = Buffer.from([0x78, 0xbb]);
const ZLIB_HEADER_BYTES = 6;

export class HeaderCompressor {
  #window: Buffer = DICTIONARY;
  #isFirst = true;

  compress(headers: SpdyHeaders): Buffer {
    const block = encode(headers);
    const packed = deflateRawSync(block, { dictionary: this.#window, finishFlush: constants.Z_SYNC_FLUSH });
    this.#window = slide(this.#window, block);
    if (!this.#isFirst) return packed;
    this.#isFirst = false;
    return Buffer.concat([ZLIB_HEADER, adler32(DICTIONARY), packed]);
  }
}

export class HeaderDecompressor {
  #window: Buffer = DICTIONARY;
  #isFirst = true;

  /** Throws on garbage and on blocks that are too large; the connection is of no use then. */
  decompress(bytes: Buffer): SpdyHeaders {
    let packed = bytes;
    if (this.#isFirst) {
      packed = bytes.subarray(headerLength(bytes));
      this.#isFirst = false;
    }
    const block = inflateRawSync(packed, {
      dictionary: this.#window,
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: HEADER_BYTES_MAX,
    });
    this.#window = slide(this.#window, block);
    return decode(block);
  }
}

/** Some peers do not say that they use the dictionary. */
function headerLength(bytes: Buffer): number {
  if (bytes.length < 2 || (bytes[0]! & 0x0f) !== 8) throw new Error("a header block that is not zlib");
  return (bytes[1]! & 0x20) === 0 ? 2 : ZLIB_HEADER_BYTES;
}

function slide(window: Buffer, block: Buffer): Buffer {
  return Buffer.concat([window, block]).subarray(-WINDOW_BYTES);
}

function encode(headers: SpdyHeaders): Buffer {
  const entries = Object.entries(headers);
  const parts = [uint32(entries.length)];
  for (const text of entries.flat()) {
    const bytes = Buffer.from(text);
    parts.push(uint32(bytes.length), bytes);
  }
  return Buffer.concat(parts);
}

function decode(block: Buffer): SpdyHeaders {
  let at = 0;
  const number = (): number => {
    if (at + 4 > block.length) throw new Error("a header block that ends too early");
    at += 4;
    return block.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (at + length > block.length) throw new Error("a header block that ends too early");
    at += length;
    return block.toString("utf8", at - length, at);
  };
  const headers: Record<string, string> = {};
  // Several values of one name are separated by zero bytes; nothing we speak has more than one.
  for (let count = number(); count > 0; count--) headers[text().toLowerCase()] = text().split("\0")[0]!;
  return headers;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** RFC 1950, section 8. */
function adler32(bytes: Buffer): Buffer {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return uint32(b * 65_536 + a);
}
