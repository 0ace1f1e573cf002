/** A small server of health and metrics whose absence is told and borne: a component's work is more important than to be asked about it. @module */
import type { IncomingMessage, RequestListener, Server, ServerOptions } from "node:http";
import type { SecureContextOptions } from "node:tls";
import type { Logger } from "#apimachinery";
import { SERVER_TLS } from "../pki/tls-server.ts";
import type { Live } from "../process/live-value.ts";
import { createHttpServer, createHttpsServer } from "../process/node-http.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** PEM. */
export interface HttpCertificates {
  /** Absent, as `key`: no handshake succeeds until there is one. */
  readonly cert?: string;
  readonly key?: string;
  /** Whose client certificates count. */
  readonly clientCA: string;
}

/** HTTPS, and who may ask. */
export interface HttpSecurity {
  /** What changes counts for new connections. */
  readonly certificates: Live<HttpCertificates>;
  /** Resolves with what to say to those who may not have the path. Absent: everybody may. */
  readonly admit?: (request: IncomingMessage, path: string) => Promise<HttpAnswer | undefined>;
}

export interface HttpOptions {
  /** What is missing without it, for the log. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Absent: plain HTTP, for everybody. */
  readonly secure?: HttpSecurity | undefined;
  readonly logger: Logger;
  /** Undefined for paths that are not served. */
  readonly answer: (path: string) => HttpAnswer | undefined | Promise<HttpAnswer | undefined>;
}

export interface HttpServer extends AsyncDisposable {
  /** 0: it does not listen. */
  readonly port: number;
}

/** Answers are short, and so are requests. */
export const HTTP_REQUEST_TIMEOUT_MS = 10_000;
/** Of one port. */
export const HTTP_CONNECTIONS_MAX = 64;

const NOT_FOUND = textAnswer(404, "404 page not found\n");

export function textAnswer(status: number, body: string): HttpAnswer {
  return { status, contentType: "text/plain; charset=utf-8", body };
}

/** Resolves once it listens, or has said that it cannot. */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const { name, host, port, logger, answer, secure } = options;
  const closed = new AbortController();
  const server = newServer(secure, closed.signal, (request, response) => {
    request.resume();
    const send = ({ status, contentType, body }: HttpAnswer = NOT_FOUND): void => {
      response.writeHead(status, { "content-type": contentType, "x-content-type-options": "nosniff" });
      response.end(request.method === "HEAD" ? "" : body);
    };
    const path = (request.url ?? "").split("?", 1)[0]!;
    const answering = async (): Promise<HttpAnswer | undefined> =>
      (await secure?.admit?.(request, path)) ?? answer(path);
    answering().then(send, (err: unknown) => {
      logger.error("could not answer", { path, err });
      send(textAnswer(500, "internal error\n"));
    });
  });
  server.maxConnections = HTTP_CONNECTIONS_MAX;
  const failure = await listen(server, host, port);
  if (failure !== undefined) logger.error(`${name} is not served`, { host, port, err: failure });
  // a connection that cannot be accepted, for want of files above all, does not end the process
  server.on("error", (err) => logger.error(`${name}: a connection was not accepted`, { host, port, err }));
  const bound = server.address();
  return {
    port: bound === null || typeof bound === "string" ? 0 : bound.port,
    async [Symbol.asyncDispose]() {
      closed.abort();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function newServer(secure: HttpSecurity | undefined, closed: AbortSignal, listener: RequestListener): Server {
  const times: ServerOptions = { requestTimeout: HTTP_REQUEST_TIMEOUT_MS };
  if (secure === undefined) return createHttpServer(times, listener);
  const { certificates } = secure;
  const asked = { requestCert: true, rejectUnauthorized: false, handshakeTimeout: HTTP_REQUEST_TIMEOUT_MS };
  const server = createHttpsServer({ ...times, ...asked, ...contextOf(certificates.current) }, listener);
  certificates.follow((now) => server.setSecureContext(contextOf(now)), closed);
  return server;
}

function contextOf({ cert, key, clientCA: ca }: HttpCertificates): SecureContextOptions {
  return { ca, ...SERVER_TLS, ...(cert !== undefined && key !== undefined && { cert, key }) };
}

function listen(server: Server, host: string, port: number): Promise<Error | undefined> {
  const { promise, resolve } = Promise.withResolvers<Error | undefined>();
  server.once("error", resolve);
  server.listen(port, host, () => resolve(undefined));
  return promise;
}
