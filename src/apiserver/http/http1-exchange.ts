/** An exchange over HTTP/1.1. @module */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Credentials } from "../user-info.ts";
import { withLength, type AnswerHeaders, type BodyWriter, type Exchange } from "./exchange.ts";
import { bodyWriter, readAll } from "./stream-body.ts";

/**
 * Writes shared chunks together with their framing, past the layers of the response, which would make four writes of
 * each. Between the head and the end of a response there is nothing but chunks.
 */
function sharingChunks(response: ServerResponse, writer: BodyWriter): BodyWriter {
  return {
    ...writer,
    get isGone() {
      return writer.isGone;
    },
    writeShared(chunk) {
      const { socket } = response;
      // A response that waits for the one before it on its connection has no socket yet.
      if (socket === null || chunk.length === 0 || response.writableLength > 0) return writer.write(chunk);
      return writer.isGone || socket.write(framed(chunk));
    },
    onDrain(callback) {
      const { socket } = response;
      if (socket?.writableNeedDrain === true) socket.once("drain", callback);
      else writer.onDrain(callback);
    },
  };
}

let lastChunk: Uint8Array | undefined;
let lastFramed: Uint8Array | undefined;

/** Watchers of one change write the same chunk one after the other: it is framed once. */
function framed(chunk: Uint8Array): Uint8Array {
  if (chunk === lastChunk) return lastFramed!;
  const head = `${chunk.length.toString(16)}\r\n`;
  const out = Buffer.allocUnsafe(head.length + chunk.length + 2);
  out.write(head, 0, "latin1");
  out.set(chunk, head.length);
  out.write("\r\n", head.length + chunk.length, "latin1");
  lastChunk = chunk;
  lastFramed = out;
  return out;
}

export class Http1Exchange implements Exchange {
  readonly credentials: Credentials;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse, credentials: Credentials) {
    this.#request = request;
    this.#response = response;
    this.credentials = credentials;
  }

  get method(): string {
    return this.#request.method ?? "GET";
  }

  get target(): string {
    return this.#request.url ?? "/";
  }

  get headers(): Exchange["headers"] {
    return this.#request.headers;
  }

  onGone(callback: () => void): void {
    const response = this.#response;
    if (response.destroyed) callback();
    else response.once("close", () => (response.writableFinished ? undefined : callback()));
  }

  readBody(bytesMax: number): Promise<Uint8Array | undefined> {
    return readAll(this.#request, bytesMax, this.#request.headers["content-length"]);
  }

  respond(status: number, headers: AnswerHeaders, body: Uint8Array | string): void {
    const response = this.#response;
    if (response.destroyed || response.headersSent) return;
    const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    response.writeHead(status, withLength(status, headers, length) as OutgoingHttpHeaders);
    response.end(this.method === "HEAD" ? undefined : body);
  }

  start(status: number, headers: AnswerHeaders): BodyWriter {
    const response = this.#response;
    if (!response.destroyed && !response.headersSent) {
      response.writeHead(status, headers as OutgoingHttpHeaders);
      // A watcher learns at once that its watch was accepted, also when no event comes for an hour.
      response.flushHeaders();
    }
    const writer = bodyWriter(response, () => void response.destroy());
    return response.chunkedEncoding ? sharingChunks(response, writer) : writer;
  }
}
