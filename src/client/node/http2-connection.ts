/** An HTTP/2 session as a `Connection`: all requests of a process to one server share it. @module */
import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from "node:http2";
import type { TLSSocket } from "node:tls";
import type { Clock, Logger, Timer } from "#apimachinery";
import {
  flattenHeaders,
  NotSentError,
  type Connection,
  type RawRequest,
  type RawResponse,
} from "./exchange.ts";
import { UnreachableError } from "../unreachable.ts";

/** Room for a page of a list, so that reading it is not stop and go. */
const STREAM_WINDOW_BYTES = 1 << 20;
/** Far above one stream's: a reader that is slow must not stop the others. */
const CONNECTION_WINDOW_BYTES = 1 << 26;
/** Node closes sessions that hold more than this, in MB; the windows above bound it long before. */
const SESSION_MEMORY_MAX_MB = 512;
/** Go's clients: a silent connection is asked after 30 s and given up 15 s later. */
const READ_IDLE_MS = 30_000;
const PING_TIMEOUT_MS = 15_000;

/** `socket` has agreed on h2. Resolves when the server's settings have arrived. */
export async function openHttp2(
  origin: string,
  socket: TLSSocket,
  clock: Clock,
  logger: Logger,
): Promise<Connection> {
  const session = connect(origin, {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
    maxSessionMemory: SESSION_MEMORY_MAX_MB,
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  session.once("remoteSettings", () => resolve());
  session.once("error", reject);
  session.once("close", () => reject(new UnreachableError(`${origin} closed the connection`)));
  try {
    await promise;
  } catch (err) {
    session.destroy();
    throw err;
  }
  session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
  return new Http2Connection(session, clock, logger);
}

class Http2Connection implements Connection {
  readonly #session: ClientHttp2Session;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #usable = true;
  #timer: Timer;
  #receivedMs: number;

  constructor(session: ClientHttp2Session, clock: Clock, logger: Logger) {
    this.#session = session;
    this.#clock = clock;
    this.#logger = logger;
    this.#receivedMs = clock.monotonicMs();
    this.#timer = clock.after(READ_IDLE_MS, this.#checkIdle);
    // Streams under way end by themselves; only new ones must go elsewhere.
    session.on("goaway", () => (this.#usable = false));
    session.on("error", (err) => {
      this.#usable = false;
      logger.debug("HTTP/2 connection broke", { err });
    });
    session.on("close", () => {
      this.#usable = false;
      this.#timer.cancel();
    });
  }

  get usable(): boolean {
    return this.#usable && !this.#session.closed && !this.#session.destroyed;
  }

  send({ method, path, headers, body }: RawRequest, signal: AbortSignal): Promise<RawResponse> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      let stream: ClientHttp2Stream;
      try {
        const all = { ...headers, ":method": method, ":path": path } as Record<string, string>;
        stream = this.#session.request(all, { endStream: body === undefined });
      } catch (err) {
        // The session went away since it was chosen.
        return reject(new NotSentError(`Failed to send ${method} ${path}`, { cause: err }));
      }
      const onAbort = (): void => {
        stream.close(constants.NGHTTP2_CANCEL);
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      // Stays for the life of the stream: an error after the head reaches whoever reads the body.
      stream.on("error", (err) => reject(this.#asFailure(stream, method, path, err)));
      stream.once("close", () => {
        signal.removeEventListener("abort", onAbort);
        reject(this.#asFailure(stream, method, path, undefined));
      });
      stream.once("response", (responseHeaders: IncomingHttpHeaders) => {
        this.#received();
        resolve({
          status: Number(responseHeaders[":status"]),
          headers: flattenHeaders(responseHeaders),
          body: this.#body(stream),
        });
      });
      if (body !== undefined) stream.end(body);
    });
  }

  close(): void {
    this.#usable = false;
    this.#timer.cancel();
    this.#session.destroy();
  }

  retire(): void {
    this.#usable = false;
    this.#session.close();
  }

  #body(stream: ClientHttp2Stream): RawResponse["body"] {
    const onChunk = (): void => this.#received();
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for await (const chunk of stream) {
        onChunk();
        yield chunk as Uint8Array;
      }
      // A connection that goes away ends its streams quietly, with a code and without an error.
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR)
        throw new UnreachableError("The connection ended in the middle of a body");
    }
    return Object.assign(chunks(), { destroy: () => stream.destroy() });
  }

  #asFailure(stream: ClientHttp2Stream, method: string, path: string, cause: unknown): Error {
    const message = `${method} ${path} got no answer`;
    if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) return new NotSentError(message, { cause });
    return new UnreachableError(message, { cause });
  }

  #received(): void {
    this.#receivedMs = this.#clock.monotonicMs();
  }

  /** A cut link does not end a connection: without this, a watch on it would wait for ever. */
  readonly #checkIdle = (): void => {
    if (!this.usable) return;
    const idleMs = this.#clock.monotonicMs() - this.#receivedMs;
    if (idleMs < READ_IDLE_MS) {
      this.#timer = this.#clock.after(READ_IDLE_MS - idleMs, this.#checkIdle);
      return;
    }
    this.#timer = this.#clock.after(PING_TIMEOUT_MS, () => {
      this.#logger.warn("Connection is dead, closing it", { idleMs: idleMs + PING_TIMEOUT_MS });
      this.close();
    });
    this.#session.ping((err) => {
      if (err !== null || !this.usable) return;
      this.#timer.cancel();
      this.#received();
      this.#timer = this.#clock.after(READ_IDLE_MS, this.#checkIdle);
    });
  };
}
