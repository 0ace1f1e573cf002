/** SPDY/3.1 frames as bytes. Written whole; read as they come, data without waiting for the end of its frame. @module */
import {
  HeaderDecompressor,
  HEADER_BYTES_MAX,
  type HeaderCompressor,
  type SpdyHeaders,
} from "./header-block.ts";

export type Frame =
  | { readonly type: "syn-stream"; readonly id: number; readonly headers: SpdyHeaders; readonly fin: boolean }
  | { readonly type: "syn-reply"; readonly id: number; readonly headers: SpdyHeaders; readonly fin: boolean }
  | { readonly type: "headers"; readonly id: number; readonly headers: SpdyHeaders; readonly fin: boolean }
  | { readonly type: "data"; readonly id: number; readonly data: Buffer; readonly fin: boolean }
  | { readonly type: "rst-stream"; readonly id: number; readonly status: number }
  | { readonly type: "settings"; readonly initialWindow: number | undefined }
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "goaway"; readonly lastId: number; readonly status: number }
  | { readonly type: "window-update"; readonly id: number; readonly delta: number };

export const RST = {
  protocolError: 1,
  invalidStream: 2,
  refusedStream: 3,
  cancel: 5,
  flowControlError: 7,
} as const;

const VERSION = 3;
const CONTROL = 0x80;
const FIN = 1;
const SYN_STREAM = 1;
const SYN_REPLY = 2;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const HEADERS = 8;
const WINDOW_UPDATE = 9;
const SETTING_INITIAL_WINDOW = 7;
const HEAD_BYTES = 8;
/** Of a control frame; header blocks are the longest. */
const CONTROL_BYTES_MAX = HEADER_BYTES_MAX;

export function encodeFrame(frame: Frame, compressor: HeaderCompressor): Buffer {
  switch (frame.type) {
    case "syn-stream":
      return control(SYN_STREAM, frame.fin, [
        numbers(frame.id, 0),
        Buffer.alloc(2),
        compressor.compress(frame.headers),
      ]);
    case "syn-reply":
      return control(SYN_REPLY, frame.fin, [numbers(frame.id), compressor.compress(frame.headers)]);
    case "headers":
      return control(HEADERS, frame.fin, [numbers(frame.id), compressor.compress(frame.headers)]);
    case "data": {
      const head = numbers(frame.id, frame.data.length);
      head[4] = frame.fin ? FIN : 0;
      return Buffer.concat([head, frame.data]);
    }
    case "rst-stream":
      return control(RST_STREAM, false, [numbers(frame.id, frame.status)]);
    case "settings": {
      const entries = frame.initialWindow === undefined ? [] : [SETTING_INITIAL_WINDOW, frame.initialWindow];
      return control(SETTINGS, false, [numbers(entries.length / 2, ...entries)]);
    }
    case "ping":
      return control(PING, false, [numbers(frame.id)]);
    case "goaway":
      return control(GOAWAY, false, [numbers(frame.lastId, frame.status)]);
    case "window-update":
      return control(WINDOW_UPDATE, false, [numbers(frame.id, frame.delta)]);
    default:
      return unreachable(frame);
  }
}

/** Cuts a stream of bytes into frames. Throws when the peer breaks the protocol beyond repair. */
export class FrameReader {
  readonly #decompressor = new HeaderDecompressor();
  /** A head or control frame that is not complete yet. */
  #pending: Buffer = Buffer.alloc(0);
  /** The data frame being read. */
  #data: { readonly id: number; readonly fin: boolean; left: number } | undefined;

  *read(chunk: Buffer): Generator<Frame, void> {
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    for (;;) {
      if (this.#data !== undefined) {
        if (bytes.length === 0 && this.#data.left > 0) break;
        const { id, fin, left } = this.#data;
        const data = bytes.subarray(0, left);
        bytes = bytes.subarray(data.length);
        this.#data = data.length === left ? undefined : { id, fin, left: left - data.length };
        yield { type: "data", id, data, fin: fin && this.#data === undefined };
        continue;
      }
      if (bytes.length < HEAD_BYTES) break;
      const length = bytes.readUIntBE(5, 3);
      if ((bytes[0]! & CONTROL) === 0) {
        this.#data = { id: bytes.readUInt32BE(0), fin: (bytes[4]! & FIN) !== 0, left: length };
        bytes = bytes.subarray(HEAD_BYTES);
        continue;
      }
      if (length > CONTROL_BYTES_MAX) throw new Error(`a SPDY control frame of ${length} bytes`);
      if (bytes.length < HEAD_BYTES + length) break;
      const frame = this.#control(bytes, bytes.subarray(HEAD_BYTES, HEAD_BYTES + length));
      bytes = bytes.subarray(HEAD_BYTES + length);
      if (frame !== undefined) yield frame;
    }
    this.#pending = bytes;
  }

  /** Undefined: of a type that is to be ignored. */
  #control(head: Buffer, body: Buffer): Frame | undefined {
    const version = head.readUInt16BE(0) & 0x7fff;
    if (version !== VERSION) throw new Error(`SPDY version ${version}`);
    const fin = (head[4]! & FIN) !== 0;
    const at = (index: number): number => {
      if (body.length < index * 4 + 4) throw new Error("a SPDY frame that ends too early");
      return body.readUInt32BE(index * 4);
    };
    const id = (index = 0): number => at(index) & 0x7fffffff;
    const headers = (from: number): SpdyHeaders => this.#decompressor.decompress(body.subarray(from));
    switch (head.readUInt16BE(2)) {
      case SYN_STREAM:
        return { type: "syn-stream", id: id(), headers: headers(10), fin };
      case SYN_REPLY:
        return { type: "syn-reply", id: id(), headers: headers(4), fin };
      case HEADERS:
        return { type: "headers", id: id(), headers: headers(4), fin };
      case RST_STREAM:
        return { type: "rst-stream", id: id(), status: at(1) };
      case SETTINGS:
        return { type: "settings", initialWindow: initialWindow(body, at(0)) };
      case PING:
        return { type: "ping", id: at(0) };
      case GOAWAY:
        return { type: "goaway", lastId: id(), status: at(1) };
      case WINDOW_UPDATE:
        return { type: "window-update", id: id(), delta: id(1) };
      default:
        return undefined;
    }
  }
}

function initialWindow(body: Buffer, count: number): number | undefined {
  for (let i = 0; i < count && body.length >= 12 + i * 8; i++)
    if (body.readUIntBE(5 + i * 8, 3) === SETTING_INITIAL_WINDOW) return body.readUInt32BE(8 + i * 8);
  return undefined;
}

function unreachable(frame: never): never {
  throw new Error(`unknown frame ${JSON.stringify(frame)}`);
}

function control(type: number, fin: boolean, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const head = numbers(((CONTROL << 8) | VERSION) * 0x10000 + type, body.length);
  head[4] = fin ? FIN : 0;
  return Buffer.concat([head, body]);
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4);
  return bytes;
}
