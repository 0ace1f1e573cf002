/** Opens the connection to a server, keeps it, and opens it again with back-off when it is gone. @module */
import { connect as tlsConnect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { orAborted, type Clock, type Logger } from "#apimachinery";
import { Backoff } from "../backoff.ts";
import { childAbort } from "../abort.ts";
import type { ClientConfig } from "./client-config.ts";
import type { Credentials } from "./credentials.ts";
import type { Connection } from "./exchange.ts";
import { openHttp1 } from "./http1-connection.ts";
import { openHttp2 } from "./http2-connection.ts";
import { tlsOptions } from "./tls-options.ts";
import { UnreachableError } from "../unreachable.ts";

export interface ConnectorOptions {
  readonly config: ClientConfig;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

const CONNECT_TIMEOUT_MS = 30_000;
/** Between failed attempts; requests meanwhile wait for the next one. Short: callers have a back-off of their own. */
const BACKOFF = { initialMs: 50, maxMs: 2_000 };
const SHORT_LIFE_MS = 1_000;

export class Connector {
  readonly #options: ConnectorOptions;
  readonly #server: URL;
  readonly #backoff: Backoff;
  readonly #closing = new AbortController();
  #current: Promise<Connection> | undefined;
  #failed = false;
  #openedMs = 0;

  constructor(options: ConnectorOptions) {
    this.#options = options;
    this.#server = new URL(options.config.server);
    this.#backoff = new Backoff({ ...BACKOFF, random: options.random });
  }

  /** The open connection, or a new one. All who ask at the same time share one attempt. */
  async connection(signal: AbortSignal): Promise<Connection> {
    for (;;) {
      this.#closing.signal.throwIfAborted();
      const attempt = (this.#current ??= this.#open());
      const connection = await orAborted(attempt, signal);
      if (connection.usable) return connection;
      if (this.#current !== attempt) continue;
      this.#current = undefined;
      // A server that takes connections and drops them at once must not be hammered.
      this.#failed = this.#options.clock.monotonicMs() - this.#openedMs < SHORT_LIFE_MS;
    }
  }

  /** The next request opens a new connection (with new credentials); this one ends when its requests have. */
  renew(): void {
    const old = this.#current;
    this.#current = undefined;
    // one that never opened has told those who wait for it
    old?.then((connection) => connection.retire()).catch(() => {});
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("The transport is closed"));
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return;
    const [opened] = await Promise.allSettled([current]);
    if (opened.status === "fulfilled") opened.value.close();
  }

  #open(): Promise<Connection> {
    const opening = this.#tryOpen();
    // Those who wait see the failure; there may be none left.
    opening.catch(() => {});
    return opening;
  }

  async #tryOpen(): Promise<Connection> {
    const { clock } = this.#options;
    using limit = childAbort(this.#closing.signal);
    try {
      if (this.#failed) await clock.sleep(this.#backoff.nextMs(), limit.signal);
      const timer = clock.after(CONNECT_TIMEOUT_MS, () =>
        limit.abort(
          new UnreachableError(`No connection to ${this.#server.host} in ${CONNECT_TIMEOUT_MS} ms`),
        ),
      );
      try {
        const connection = await this.#connect(limit.signal);
        this.#openedMs = clock.monotonicMs();
        this.#failed = false;
        this.#backoff.reset();
        return connection;
      } finally {
        timer.cancel();
      }
    } catch (err) {
      this.#failed = true;
      this.#current = undefined;
      throw err;
    }
  }

  async #connect(signal: AbortSignal): Promise<Connection> {
    const { config, credentials, clock, logger } = this.#options;
    if (this.#server.protocol === "http:") return openHttp1(this.#server, undefined);
    const options = await tlsOptions(config, await credentials.keyPair(signal));
    const socket = await openSocket(this.#server, options, signal);
    if (socket.alpnProtocol === "h2") return openHttp2(this.#server.origin, socket, clock, logger);
    socket.destroy();
    return openHttp1(this.#server, options);
  }
}

function openSocket(server: URL, options: ConnectionOptions, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = tlsConnect({
      ...options,
      host: server.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: server.port === "" ? 443 : Number(server.port),
      ALPNProtocols: ["h2", "http/1.1"],
      // Answers are small and wanted now.
      noDelay: true,
    } as ConnectionOptions);
    const onAbort = (): void => {
      socket.destroy();
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("error", (err) => {
      signal.removeEventListener("abort", onAbort);
      reject(new Error(`Failed to connect to ${server.host}: ${err.message}`, { cause: err }));
    });
    socket.once("secureConnect", () => {
      signal.removeEventListener("abort", onAbort);
      resolve(socket);
    });
  });
}
