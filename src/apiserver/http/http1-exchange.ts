/** An exchange over HTTP/1.1. @module */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Credentials } from "../user-info.ts";
import { withLength, type AnswerHeaders, type BodyWriter, type Exchange } from "./exchange.ts";
import { bodyWriter, readAll } from "./stream-body.ts";

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
    return bodyWriter(response, () => void response.destroy());
  }
}
