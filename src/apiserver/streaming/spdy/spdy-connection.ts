/** A SPDY/3.1 connection over any Duplex, for either side. @module */
import type { Duplex } from "node:stream";
import { encodeFrame, FrameReader, RST, type Frame } from "./frames.ts";
import { HeaderCompressor, type SpdyHeaders } from "./header-block.ts";
import { SendWindow, WINDOW_BYTES } from "./send-window.ts";
import { SpdyStream, type StreamTransport } from "./spdy-stream.ts";

export interface SpdyOptions {
  readonly isServer: boolean;
  /** Called for streams the peer opens; one that throws refuses the stream. */
  readonly onStream?: (stream: SpdyStream) => void;
  /**
   * Keep to windows, as SPDY asks. Kubernetes' own implementation does not know them and would never open one, so the
   * default is false: what is not read holds back the connection as a whole.
   */
  readonly flowControl?: boolean;
}

/** Streams open at once; more are refused. */
export const STREAMS_MAX = 1_000;
/** Of one data frame of ours. */
const DATA_BYTES_MAX = 32 * 1024;

export class SpdyConnection implements StreamTransport {
  readonly #socket: Duplex;
  readonly #options: SpdyOptions;
  readonly #reader = new FrameReader();
  readonly #compressor = new HeaderCompressor();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #replies = new Map<number, PromiseWithResolvers<SpdyStream>>();
  readonly #stalled = new Set<number>();
  readonly #window: SendWindow | undefined;
  readonly #received = new Map<number, number>();
  readonly #closed = Promise.withResolvers<void>();
  #nextId: number;
  #nextPing: number;
  #lastRemoteId = 0;
  #goneAway = false;

  /** `head`: bytes that were read before the connection was taken over. */
  constructor(socket: Duplex, options: SpdyOptions, head: Uint8Array = Buffer.alloc(0)) {
    this.#socket = socket;
    this.#options = options;
    this.#nextId = options.isServer ? 2 : 1;
    this.#nextPing = this.#nextId;
    if (options.flowControl === true) this.#window = new SendWindow();
    if (head.length > 0) socket.unshift(head);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.once("end", () => {
      this.#fail(undefined);
      // Nobody is left to read what we might still say.
      socket.end();
    });
    socket.once("error", (error) => this.#fail(error));
    socket.once("close", () => this.#fail(undefined));
  }

  /** Resolves when the connection is over, however it ended. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Opens a stream; resolves when the peer has accepted it. */
  open(headers: SpdyHeaders): Promise<SpdyStream> {
    if (this.#goneAway) return Promise.reject(new Error("the SPDY connection is closed"));
    const id = this.#nextId;
    this.#nextId += 2;
    this.#streams.set(id, new SpdyStream(id, headers, this));
    const reply = Promise.withResolvers<SpdyStream>();
    this.#replies.set(id, reply);
    this.#send({ type: "syn-stream", id, headers, fin: false });
    return reply.promise;
  }

  /** Keeps idle connections alive through what lies between. */
  ping(): void {
    this.#send({ type: "ping", id: this.#nextPing });
    this.#nextPing += 2;
  }

  /** Says goodbye and closes; streams that are still open end as if they were reset. */
  close(): void {
    if (!this.#goneAway) this.#send({ type: "goaway", lastId: this.#lastRemoteId, status: 0 });
    this.#goneAway = true;
    this.#socket.end(() => this.#socket.destroy());
    this.#fail(undefined);
  }

  sendData(id: number, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void {
    const wanted = Math.min(data.length, DATA_BYTES_MAX);
    const length = this.#window === undefined ? wanted : this.#window.take(id, wanted);
    if (length === 0 && wanted > 0) {
      this.#window?.wait(id, () => this.sendData(id, data, fin, done));
      return;
    }
    const isLast = length === data.length;
    const frame: Frame = { type: "data", id, data: data.subarray(0, length), fin: fin && isLast };
    this.#send(frame, (error) => {
      // A connection that fails resets its streams, and what is written to those is dropped.
      if (error || isLast) done();
      else this.sendData(id, data.subarray(length), fin, done);
    });
  }

  consumed(id: number, bytes: number): void {
    if (this.#stalled.delete(id) && this.#stalled.size === 0) this.#socket.resume();
    if (this.#window === undefined || bytes === 0) return;
    for (const which of new Set([id, 0])) {
      const pending = (this.#received.get(which) ?? 0) + bytes;
      // Small updates would cost more than they gain.
      if (pending >= WINDOW_BYTES / 2) this.#send({ type: "window-update", id: which, delta: pending });
      this.#received.set(which, pending >= WINDOW_BYTES / 2 ? 0 : pending);
    }
  }

  stalled(id: number): void {
    // With windows it is the peer that waits, and only with this stream.
    if (this.#window !== undefined) return;
    this.#stalled.add(id);
    this.#socket.pause();
  }

  destroyed(id: number, isFinished: boolean, unread: number): void {
    this.#streams.delete(id);
    this.#received.delete(id);
    this.#window?.remove(id);
    this.consumed(0, unread);
    if (this.#stalled.delete(id) && this.#stalled.size === 0) this.#socket.resume();
    if (!isFinished && !this.#goneAway) this.#send({ type: "rst-stream", id, status: RST.cancel });
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.read(chunk)) this.#handle(frame);
    } catch (error) {
      this.#send({ type: "goaway", lastId: this.#lastRemoteId, status: 1 });
      this.#fail(error as Error);
    }
  }

  #handle(frame: Frame): void {
    switch (frame.type) {
      case "syn-stream":
        return this.#accept(frame.id, frame.headers, frame.fin);
      case "syn-reply":
        return this.#replied(frame.id, frame.fin);
      case "data": {
        const stream = this.#streams.get(frame.id);
        if (stream === undefined && this.#wasNeverOpened(frame.id))
          throw new Error(`data for stream ${frame.id}, which was never opened`);
        // Of a stream that we have closed: what was under way is dropped, and given back to the connection's window.
        if (stream === undefined) this.consumed(0, frame.data.length);
        else stream.receive(frame.data, frame.fin);
        return;
      }
      case "headers":
        if (frame.fin) this.#streams.get(frame.id)?.receive(Buffer.alloc(0), true);
        return;
      case "rst-stream":
        return this.#reset(frame.id, `the peer refused the stream: status ${frame.status}`);
      case "settings":
        if (frame.initialWindow !== undefined) this.#window?.setInitial(frame.initialWindow);
        return;
      case "ping":
        // Pings of our own parity are answers.
        if (frame.id % 2 !== this.#nextPing % 2) this.#send(frame);
        return;
      case "goaway":
        this.#goneAway = true;
        return;
      case "window-update":
        this.#window?.give(frame.id, frame.delta);
        return;
    }
  }

  #accept(id: number, headers: SpdyHeaders, fin: boolean): void {
    const isOurs = id % 2 === this.#nextId % 2;
    if (isOurs || id <= this.#lastRemoteId)
      return this.#send({ type: "rst-stream", id, status: RST.protocolError });
    this.#lastRemoteId = id;
    const { onStream } = this.#options;
    if (onStream === undefined || this.#streams.size >= STREAMS_MAX || this.#goneAway)
      return this.#send({ type: "rst-stream", id, status: RST.refusedStream });
    const stream = new SpdyStream(id, headers, this);
    this.#streams.set(id, stream);
    try {
      onStream(stream);
    } catch {
      this.#streams.delete(id);
      return this.#send({ type: "rst-stream", id, status: RST.refusedStream });
    }
    this.#send({ type: "syn-reply", id, headers: {}, fin: false });
    if (fin) stream.receive(Buffer.alloc(0), true);
  }

  #wasNeverOpened(id: number): boolean {
    return id === 0 || id > (id % 2 === this.#nextId % 2 ? this.#nextId - 2 : this.#lastRemoteId);
  }

  #replied(id: number, fin: boolean): void {
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#replies.get(id)?.resolve(stream);
    this.#replies.delete(id);
    if (fin) stream?.receive(Buffer.alloc(0), true);
  }

  #reset(id: number, why: string): void {
    this.#replies.get(id)?.reject(new Error(why));
    this.#replies.delete(id);
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    stream?.reset();
  }

  #send(frame: Frame, done?: (error?: Error | null) => void): void {
    if (this.#socket.writable) this.#socket.write(encodeFrame(frame, this.#compressor), done);
    else done?.(new Error("the SPDY connection is closed"));
  }

  /** The end of everything. */
  #fail(error: Error | undefined): void {
    this.#goneAway = true;
    const why = `the SPDY connection was closed${error === undefined ? "" : `: ${error.message}`}`;
    for (const id of new Set([...this.#streams.keys(), ...this.#replies.keys()])) this.#reset(id, why);
    if (error !== undefined) this.#socket.destroy();
    this.#closed.resolve();
  }
}
