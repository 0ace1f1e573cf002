/** An exchange over HTTP/2, on the core stream API: the compatibility API costs 40 % of the throughput. @module */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Credentials } from "../user-info.ts";
import { withLength, type AnswerHeaders, type BodyWriter, type Exchange } from "./exchange.ts";
import { bodyWriter, readAll } from "./stream-body.ts";

export class Http2Exchange implements Exchange {
  readonly credentials: Credentials;
  readonly headers: IncomingHttpHeaders;
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, credentials: Credentials) {
    this.#stream = stream;
    this.headers = headers;
    this.credentials = credentials;
    // A reset by the client surfaces as an error of the stream; `signal` tells whoever cares.
    stream.on("error", () => {});
  }

  get method(): string {
    return this.headers[":method"] ?? "GET";
  }

  get target(): string {
    return this.headers[":path"] ?? "/";
  }

  onGone(callback: () => void): void {
    const stream = this.#stream;
    if (stream.destroyed) callback();
    // A stream that its client resets counts as finished, although nothing was answered.
    else stream.once("close", () => (stream.writableFinished && !stream.aborted ? undefined : callback()));
  }

  readBody(bytesMax: number): Promise<Uint8Array | undefined> {
    return readAll(this.#stream, bytesMax, this.headers["content-length"]);
  }

  respond(status: number, headers: AnswerHeaders, body: Uint8Array | string): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.headersSent) return;
    // A body that nobody wanted must not keep the stream open.
    if (!stream.readableEnded) stream.resume();
    const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    const answer = { ":status": status, ...withLength(status, headers, length) };
    if (length === 0 || this.method === "HEAD") {
      stream.respond(answer, { endStream: true });
      return;
    }
    stream.respond(answer);
    stream.end(body);
  }

  goAway(): void {
    this.#stream.session?.close();
  }

  start(status: number, headers: AnswerHeaders): BodyWriter {
    const stream = this.#stream;
    if (!stream.destroyed && !stream.headersSent) stream.respond({ ":status": status, ...headers });
    return bodyWriter(stream, () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
  }
}
