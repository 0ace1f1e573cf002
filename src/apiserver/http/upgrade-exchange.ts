/** An HTTP/1.1 request that asks to take its connection over: either it is, or it gets an ordinary answer on the bare socket. @module */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Credentials } from "../user-info.ts";
import type { AnswerHeaders, BodyWriter, Exchange } from "./exchange.ts";
import { STATUS_CODES } from "./node-http.ts";
import { bodyWriter } from "./stream-body.ts";

export class UpgradeExchange implements Exchange {
  readonly credentials: Credentials;
  readonly #request: IncomingMessage;
  readonly #socket: Duplex;

  constructor(request: IncomingMessage, socket: Duplex, credentials: Credentials) {
    this.#request = request;
    this.#socket = socket;
    this.credentials = credentials;
    socket.on("error", () => void socket.destroy());
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
    if (this.#socket.destroyed) callback();
    else this.#socket.once("close", callback);
  }

  /** A request to upgrade has no body. */
  readBody(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array());
  }

  respond(status: number, headers: AnswerHeaders, body: Uint8Array | string): void {
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    this.#writeHead(status, { ...headers, "content-length": String(bytes.length) });
    this.#socket.end(bytes);
  }

  /** The end of the connection is the end of the body. */
  start(status: number, headers: AnswerHeaders): BodyWriter {
    this.#writeHead(status, headers);
    return bodyWriter(this.#socket, () => void this.#socket.destroy());
  }

  #writeHead(status: number, headers: AnswerHeaders): void {
    if (this.#socket.destroyed) return;
    const lines = Object.entries({ ...headers, connection: "close" }).flatMap(([name, value]) =>
      (typeof value === "string" ? [value] : value).map((one) => `${name}: ${one}\r\n`),
    );
    this.#socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n`);
  }
}
