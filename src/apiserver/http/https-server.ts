/** Listens with TLS and turns every request, HTTP/1.1 or HTTP/2 as the client negotiated, into an `Exchange`. @module */
import type * as http from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import * as tls from "node:tls";
import type { Clock } from "#apimachinery";
import { SERVER_TLS } from "#component-base";
import type { ApiServerOptions, ListenAddress } from "../options.ts";
import type { Credentials } from "../user-info.ts";
import type { Exchange } from "./exchange.ts";
import { Http1Exchange } from "./http1-exchange.ts";
import { Http2Exchange } from "./http2-exchange.ts";
import { clientCertificateOf, type ClientCertificate } from "./client-certificate.ts";
import { createServer } from "./node-http.ts";

/** As upstream: watches of one client share a connection. */
const CONCURRENT_STREAMS_MAX = 1000;
/** Larger than the default 64 KB, so that a LIST is not stopped by the window at every slice. */
const STREAM_WINDOW_BYTES = 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 8 * 1024 * 1024;
/** As upstream: label selectors make long paths. */
const HEADER_BYTES_MAX = 1024 * 1024;
const KEEP_ALIVE_MS = 90_000;
const HEADERS_TIMEOUT_MS = 32_000;
/** How long clients may take to read the last words of a server that closes. */
const LINGER_MS = 1_000;

export interface HttpsServerHandlers {
  readonly onExchange: (exchange: Exchange) => void;
  readonly onUpgrade: (
    request: http.IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    credentials: Credentials,
  ) => void;
  /** A connection could not be accepted, for want of files or memory above all: the others go on. */
  readonly onAcceptError: (err: Error) => void;
}

export class HttpsServer {
  #tls: NonNullable<ApiServerOptions["tls"]>;
  readonly #handlers: HttpsServerHandlers;
  readonly #http1: http.Server;
  readonly #listeners: tls.Server[] = [];
  readonly #sockets = new Set<tls.TLSSocket>();
  readonly #sessions = new Set<http2.ServerHttp2Session>();
  /** Of the listeners: they and all their connections are gone, also those that are shaking hands yet. */
  #stopped: Promise<unknown> | undefined;

  constructor(options: NonNullable<ApiServerOptions["tls"]>, handlers: HttpsServerHandlers) {
    this.#tls = options;
    this.#handlers = handlers;
    this.#http1 = this.#createHttp1();
  }

  async listen({ host, port }: ListenAddress): Promise<ListenAddress> {
    const { cert, key, clientCa } = this.#tls;
    const server = tls.createServer({
      cert,
      key,
      ...(clientCa !== undefined && { ca: clientCa }),
      // Asked for, never demanded: whoever shows none may still have a token.
      requestCert: clientCa !== undefined,
      rejectUnauthorized: false,
      ALPNProtocols: ["h2", "http/1.1"],
      ...SERVER_TLS,
    });
    server.on("secureConnection", (socket) => this.#accept(socket));
    // A client that breaks off the handshake is no fault of ours.
    server.on("tlsClientError", (_err, socket) => void socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, () => {
        server.removeListener("error", reject);
        // without a listener it would end the process
        server.on("error", this.#handlers.onAcceptError);
        resolve();
      });
    });
    this.#listeners.push(server);
    return { host, port: (server.address() as AddressInfo).port };
  }

  /** For new connections; those that are open keep the certificate they began with. */
  useCertificate(changed: NonNullable<ApiServerOptions["tls"]>): void {
    this.#tls = { ...this.#tls, ...changed };
    const { cert, key, clientCa } = this.#tls;
    for (const server of this.#listeners) {
      server.setSecureContext({
        cert,
        key,
        ...SERVER_TLS,
        ...(clientCa !== undefined && { ca: clientCa }),
      });
    }
  }

  /** Takes no more connections; tells clients that this one is going away. */
  stopListening(): void {
    this.#stopped ??= Promise.all(
      this.#listeners.map((server) => new Promise((resolve) => server.close(resolve))),
    );
    for (const session of this.#sessions) session.close();
    this.#http1.closeIdleConnections();
  }

  /** What was said last, a GOAWAY above all, reaches its client; who keeps a connection open nevertheless is cut off. */
  async close(clock: Clock): Promise<void> {
    this.stopListening();
    const { promise: isLate, resolve } = Promise.withResolvers<void>();
    const timer = clock.after(LINGER_MS, resolve);
    await Promise.race([this.#stopped, isLate]);
    timer.cancel();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: tls.TLSSocket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => void socket.destroy());
    if (socket.alpnProtocol === "h2") this.#acceptHttp2(socket);
    else this.#http1.emit("connection", socket);
  }

  #acceptHttp2(socket: tls.TLSSocket): void {
    const session = http2.performServerHandshake(socket, {
      settings: {
        maxConcurrentStreams: CONCURRENT_STREAMS_MAX,
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxHeaderListSize: HEADER_BYTES_MAX,
      },
    });
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
    session.on("error", () => session.destroy());
    // it was accepted before: its client is told that nothing was done, instead of losing the connection
    if (this.#stopped !== undefined) session.close();
    const certificate = clientCertificateOf(socket);
    session.on("stream", (stream, headers, _flags, rawHeaders) => {
      const credentials = credentialsOf({ headers, rawHeaders }, certificate, socket);
      this.#handlers.onExchange(new Http2Exchange(stream, headers, credentials));
    });
  }

  #createHttp1(): http.Server {
    const server = createServer({
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
    });
    // Watches and logs may last for hours; the handlers bound everything else.
    server.requestTimeout = 0;
    server.on("request", (request, response) => {
      response.on("error", () => {});
      const socket = request.socket as tls.TLSSocket;
      const credentials = credentialsOf(request, clientCertificateOf(socket), socket);
      this.#handlers.onExchange(new Http1Exchange(request, response, credentials));
    });
    server.on("upgrade", (request, socket, head) => {
      const tlsSocket = socket as tls.TLSSocket;
      const credentials = credentialsOf(request, clientCertificateOf(tlsSocket), tlsSocket);
      this.#handlers.onUpgrade(request, socket, head, credentials);
    });
    server.on("clientError", (err: NodeJS.ErrnoException, socket) => {
      const isTooLarge = err.code === "HPE_HEADER_OVERFLOW";
      const status = isTooLarge ? "431 Request Header Fields Too Large" : "400 Bad Request";
      if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      else socket.destroy();
    });
    return server;
  }
}

function credentialsOf(
  { headers, rawHeaders }: Pick<http.IncomingMessage, "headers" | "rawHeaders">,
  certificate: ClientCertificate,
  socket: tls.TLSSocket,
): Credentials {
  return {
    headers,
    rawHeaders,
    ...certificate,
    ...(socket.remoteAddress !== undefined && { remoteAddress: socket.remoteAddress }),
  };
}
