/** One stream of a SPDY connection as a Duplex: `end()` closes our direction, and reading ends when the peer closes its own. @module */
import { Duplex } from "node:stream";
import type { SpdyHeaders } from "./header-block.ts";

/** What a stream needs of its connection. */
export interface StreamTransport {
  /** Resolves the callback when more may be written. */
  sendData(id: number, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void;
  /** The consumer took so many bytes and wants more. */
  consumed(id: number, bytes: number): void;
  /** The consumer has enough for now; nothing more is read from the connection until it has `consumed`. */
  stalled(id: number): void;
  /** `unread`: bytes that nobody will consume any more. */
  destroyed(id: number, isFinished: boolean, unread: number): void;
}

/** Bytes held for a consumer before the connection is paused. */
const BUFFER_BYTES = 64 * 1024;

export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #transport: StreamTransport;
  #unread = 0;
  #isRemoteEnded = false;
  #isStalled = false;
  #wasReset = false;

  constructor(id: number, headers: SpdyHeaders, transport: StreamTransport) {
    super({ allowHalfOpen: true, readableHighWaterMark: BUFFER_BYTES, writableHighWaterMark: BUFFER_BYTES });
    this.id = id;
    this.headers = headers;
    this.#transport = transport;
  }

  /** The peer ended both directions at once: what it sent before can still be read, what we write is dropped. */
  get wasReset(): boolean {
    return this.#wasReset;
  }

  /** For the connection. Kubernetes' servers end a session this way, so it is an end like another, not an error. */
  reset(): void {
    this.#wasReset = true;
    this.receive(Buffer.alloc(0), true);
  }

  /** For the connection: data of the peer. */
  receive(data: Buffer, fin: boolean): void {
    if (this.#isRemoteEnded || this.destroyed) return;
    if (data.length > 0) {
      this.#unread += data.length;
      if (!this.push(data) && !this.#isStalled) {
        this.#isStalled = true;
        this.#transport.stalled(this.id);
      }
    }
    if (fin) {
      this.#isRemoteEnded = true;
      this.push(null);
    }
  }

  override _read(): void {
    const taken = this.#unread - this.readableLength;
    this.#unread = this.readableLength;
    this.#isStalled = false;
    this.#transport.consumed(this.id, taken);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#wasReset) done();
    else this.#transport.sendData(this.id, chunk, false, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#wasReset) done();
    else this.#transport.sendData(this.id, Buffer.alloc(0), true, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const isFinished = this.#wasReset || (this.#isRemoteEnded && this.writableFinished);
    this.#transport.destroyed(this.id, isFinished, this.#unread);
    done(error);
  }
}
