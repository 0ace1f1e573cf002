/** The transport over HTTPS: HTTP/2 where the server speaks it, HTTP/1.1 where not. @module */
import { silentLogger, systemClock, type Clock, type Logger, type WatchEvent } from "#apimachinery";
import { childAbort } from "../abort.ts";
import { CLIENT_METRICS, type MetricsSink } from "../metrics.ts";
import type { Request, Response, Transport } from "../transport.ts";
import { parseAnswerJson } from "./answer-json.ts";
import type { ClientConfig } from "./client-config.ts";
import { Connector } from "./connector.ts";
import { newCredentials, type Credentials } from "./credentials.ts";
import { NotSentError, type RawRequest, type RawResponse } from "./exchange.ts";
import { decodeJsonLines } from "./json-lines.ts";
import { retryAfterSeconds, serverError } from "./server-errors.ts";
import { UnreachableError } from "../unreachable.ts";

export interface HttpTransportOptions {
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly logger?: Logger;
  readonly metrics?: MetricsSink;
  /** Longest time of a request that is no watch and no stream. Default 60 s. */
  readonly requestTimeoutMs?: number;
  /** Told of every `Warning` header, as kubectl prints them. */
  readonly onWarning?: (text: string) => void;
}

export interface HttpTransport extends Transport {
  /** The next request opens a new connection with credentials read afresh; what runs on the old one runs to its end. */
  renew(): void;
  /** Ends everything under way. */
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 60_000;
/** client-go's: answers with Retry-After, and reads whose connection broke, are tried so often again. */
const RETRIES_MAX = 10;
const RETRY_AFTER_SECONDS_MAX = 60;
/** Longest body that is decoded in one piece. */
const BODY_BYTES_MAX = 512 << 20;
const ERROR_BODY_BYTES_MAX = 3 << 20;
const MS_PER_SECOND = 1_000;

/** Connects on the first request. */
export function newHttpTransport(config: ClientConfig, options: HttpTransportOptions = {}): HttpTransport {
  return new NodeTransport(config, options);
}

class NodeTransport implements HttpTransport {
  readonly #connector: Connector;
  readonly #credentials: Credentials;
  readonly #clock: Clock;
  readonly #options: HttpTransportOptions;
  /** What stands before every path, without a slash at its end. */
  readonly #prefix: string;
  readonly #host: string;

  constructor(config: ClientConfig, options: HttpTransportOptions) {
    const { clock = systemClock, random = Math.random, logger = silentLogger } = options;
    const server = new URL(config.server);
    this.#prefix = server.pathname.replace(/\/+$/, "");
    this.#host = server.host;
    this.#clock = clock;
    this.#options = options;
    this.#credentials = newCredentials(config, clock);
    this.#connector = new Connector({ config, credentials: this.#credentials, clock, random, logger });
  }

  async request(request: Request, signal: AbortSignal): Promise<Response> {
    const timeoutMs = this.#options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    using limit = childAbort(signal);
    const timer = this.#clock.after(timeoutMs, () =>
      limit.abort(new UnreachableError(`${request.method} ${request.path}: no answer in ${timeoutMs} ms`)),
    );
    try {
      const { status, headers, body } = await this.#exchange(request, limit.signal);
      const text = await readAll(body, BODY_BYTES_MAX);
      limit.signal.throwIfAborted();
      return { status, headers, body: decode(headers, text) };
    } finally {
      timer.cancel();
    }
  }

  async *watch(request: Request, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const { body } = await this.#exchange(request, signal);
    try {
      for await (const event of decodeJsonLines(body)) yield event as WatchEvent;
    } catch (err) {
      if (!signal.aborted) throw err;
    } finally {
      body.destroy();
    }
  }

  async *stream(request: Request, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { body } = await this.#exchange(request, signal);
    try {
      yield* body;
    } catch (err) {
      signal.throwIfAborted();
      throw err;
    } finally {
      body.destroy();
    }
  }

  renew(): void {
    this.#connector.renew();
  }

  close(): Promise<void> {
    return this.#connector.close();
  }

  /** Sends, and sends again where that is safe and can help. Resolves with an answer below 400. */
  async #exchange(request: Request, signal: AbortSignal): Promise<RawResponse> {
    const raw = encode(this.#prefix, request);
    let refused = false;
    for (let retries = 0; ; retries++) {
      const response = await this.#attempt(raw, retries, signal);
      if (response === undefined) continue;
      this.#warn(response);
      if (response.status < 400) return response;
      const text = (await readAll(response.body, ERROR_BODY_BYTES_MAX)).toString("utf8");
      if (response.status === 401 && !refused && this.#credentials.invalidate()) {
        refused = true;
        this.#connector.renew();
        continue;
      }
      const seconds = retryAfterSeconds(response.headers);
      const canRetry = response.status === 429 || response.status >= 500;
      if (!canRetry || seconds === undefined || retries >= RETRIES_MAX)
        throw serverError(raw.method, response.status, response.headers, text);
      this.#countRetry(raw, response.status);
      await this.#clock.sleep(Math.min(seconds, RETRY_AFTER_SECONDS_MAX) * MS_PER_SECOND, signal);
    }
  }

  /** undefined: the connection broke and the request may be sent again. */
  async #attempt(raw: RawRequest, retries: number, signal: AbortSignal): Promise<RawResponse | undefined> {
    const connection = await this.#connector.connection(signal);
    const headers = { ...raw.headers, ...(await this.#credentials.headers(signal)) };
    const startMs = this.#clock.monotonicMs();
    try {
      const response = await connection.send({ ...raw, headers }, signal);
      this.#count(raw, response.status, startMs);
      return response;
    } catch (err) {
      signal.throwIfAborted();
      this.#count(raw, "<error>", startMs);
      const isSafe = raw.method === "GET" || err instanceof NotSentError;
      // A connection that was good until now: the server restarted, or closed it while idle.
      if (!isSafe || retries >= RETRIES_MAX || connection.usable) throw err;
      return undefined;
    }
  }

  #warn({ headers }: RawResponse): void {
    const { onWarning } = this.#options;
    if (onWarning === undefined || headers["warning"] === undefined) return;
    for (const [, text] of headers["warning"].matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g))
      onWarning(text!.replaceAll(/\\(.)/g, "$1"));
  }

  #count({ method }: RawRequest, code: number | string, startMs: number): void {
    const { metrics } = this.#options;
    if (metrics === undefined) return;
    const seconds = (this.#clock.monotonicMs() - startMs) / MS_PER_SECOND;
    metrics.inc(CLIENT_METRICS.requests, { code: String(code), method, host: this.#host });
    metrics.observe(CLIENT_METRICS.requestDuration, { verb: method, host: this.#host }, seconds);
  }

  #countRetry({ method }: RawRequest, code: number): void {
    const labels = { code: String(code), verb: method, host: this.#host };
    this.#options.metrics?.inc(CLIENT_METRICS.requestRetries, labels);
  }
}

function encode(prefix: string, { method, path, query, headers = {}, body }: Request): RawRequest {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined) parameters.append(name, String(value));
  const search = parameters.size === 0 ? "" : `?${parameters.toString()}`;
  const accept = headers["accept"] === undefined ? { accept: "application/json" } : {};
  const base = { method, path: `${prefix}${path}${search}` };
  if (body === undefined) return { ...base, headers: { ...accept, ...headers }, body: undefined };
  const contentType = headers["content-type"] === undefined ? { "content-type": "application/json" } : {};
  const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
  return { ...base, headers: { ...accept, ...contentType, ...headers }, body: bytes };
}

/** JSON as a value; anything else (metrics, health) as text. */
function decode(headers: Readonly<Record<string, string>>, bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  const text = bytes.toString("utf8");
  return headers["content-type"]?.includes("json") === true ? parseAnswerJson(text) : text;
}

async function readAll(body: RawResponse["body"], bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) {
      body.destroy();
      throw new Error(`The answer is longer than ${bytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  return chunks.length === 1 ? Buffer.from(chunks[0]!) : Buffer.concat(chunks);
}
