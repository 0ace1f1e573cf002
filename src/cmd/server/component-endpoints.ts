/**
 * Metrics and health of a component over HTTPS, as upstream's scheduler and controller manager serve them: the API server
 * says who asks (client certificate or token) and whether they may (SubjectAccessReview); health is for everybody.
 * @module
 */
import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { SecureContextOptions, TLSSocket } from "node:tls";
import { StatusError, untilAborted, type Logger } from "#apimachinery";
import { anonymousUser, clientCertificateOf, type Authenticator, type UserInfo } from "#apiserver";
import type { Transport } from "#client";
import {
  pingCheck,
  runHealthCheck,
  runHealthChecks,
  SERVER_TLS,
  type Live,
  type Metrics,
} from "#component-base";

const HEALTH = /^\/(healthz|livez|readyz)(?:\/(.+))?$/;
const REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
const MALFORMED = 400;
/** Answers are short, and so are requests. */
const REQUEST_TIMEOUT_MS = 30_000;

/** PEM. */
export interface EndpointTls {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string;
}

export interface ComponentEndpointOptions {
  readonly host: string;
  /** 0: nothing is served. */
  readonly port: number;
  /** What changes counts for new connections. */
  readonly tls: Live<EndpointTls>;
  readonly metrics: Metrics;
  readonly authenticator: Authenticator;
  /** Asked whether somebody may read a path. */
  readonly transport: Transport;
  readonly logger: Logger;
}

/** Until `signal` aborts. A port that somebody else has is told of, and does not keep the component from its work. */
export async function serveComponent(options: ComponentEndpointOptions, signal: AbortSignal): Promise<void> {
  const { host, port, tls, logger } = options;
  if (port === 0) return;
  const server = createServer({ ...contextOf(tls.current), requestCert: true, rejectUnauthorized: false });
  tls.follow((now) => server.setSecureContext(contextOf(now)), signal);
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.on("request", (request, response) => void answer(request, response, options, signal));
  server.on("tlsClientError", (_err, socket) => void socket.destroy());
  const error = await listen(server, host, port);
  if (error !== undefined) {
    logger.error("Metrics and health are not served", { host, port, err: error });
    return;
  }
  server.on("error", (err) => logger.error("A connection could not be accepted", { host, port, err }));
  await untilAborted(signal);
  server.close();
  server.closeAllConnections();
}

function contextOf({ cert, key, clientCa: ca }: EndpointTls): SecureContextOptions {
  return { cert, key, ca, ...SERVER_TLS };
}

function listen(server: Server, host: string, port: number): Promise<Error | undefined> {
  return new Promise((resolve) => {
    server.once("error", resolve);
    server.listen(port, host, () => resolve(undefined));
  });
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Never rejects. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: ComponentEndpointOptions,
  signal: AbortSignal,
): Promise<void> {
  request.resume();
  const { status, headers, body } = await answerOf(request, options, signal).catch((err: unknown) =>
    refusalOf(err, options.logger),
  );
  response.writeHead(status, headers).end(request.method === "HEAD" ? undefined : body);
}

function refusalOf(err: unknown, logger: Logger): Answer {
  if (!(err instanceof StatusError)) logger.error("Request failed", { err });
  const status = (
    err instanceof StatusError ? err : new StatusError("InternalError", "internal error")
  ).toStatus();
  const headers = { "content-type": "application/json" };
  return { status: status.code ?? MALFORMED, headers, body: `${JSON.stringify(status)}\n` };
}

async function answerOf(
  request: IncomingMessage,
  options: ComponentEndpointOptions,
  signal: AbortSignal,
): Promise<Answer> {
  const url = new URL(request.url ?? "/", "https://localhost");
  const health = HEALTH.exec(url.pathname);
  if (health !== null) return healthOf(health, url.searchParams, options.logger, signal);
  await authorize(request, url.pathname, options, signal);
  if (url.pathname !== "/metrics") return text(404, "404 page not found\n");
  return {
    ...text(200, await options.metrics.expose()),
    headers: { "content-type": options.metrics.contentType },
  };
}

async function healthOf(
  [, endpoint = "", name]: RegExpExecArray,
  query: URLSearchParams,
  logger: Logger,
  signal: AbortSignal,
): Promise<Answer> {
  const checks = [pingCheck];
  if (name !== undefined) {
    return (await runHealthCheck(checks, name, signal)) ?? text(404, "404 page not found\n");
  }
  const request = { endpoint, verbose: query.has("verbose"), exclude: query.getAll("exclude") };
  return runHealthChecks(checks, request, logger, signal);
}

async function authorize(
  request: IncomingMessage,
  path: string,
  { authenticator, transport }: ComponentEndpointOptions,
  signal: AbortSignal,
): Promise<void> {
  const { headers, rawHeaders } = request;
  const credentials = { headers, rawHeaders, ...clientCertificateOf(request.socket as TLSSocket) };
  const user = (await authenticator.authenticate(credentials, signal)) ?? anonymousUser;
  const verb = (request.method ?? "GET").toLowerCase();
  if (await mayRead(user, path, verb, transport, signal)) return;
  const why = `forbidden: User ${JSON.stringify(user.name)} cannot ${verb} path ${JSON.stringify(path)}`;
  throw new StatusError("Forbidden", why, { details: {} });
}

async function mayRead(
  { name, uid, groups, extra }: UserInfo,
  path: string,
  verb: string,
  transport: Transport,
  signal: AbortSignal,
): Promise<boolean> {
  const spec = { user: name, uid, groups, extra, nonResourceAttributes: { path, verb } };
  const body = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", metadata: {}, spec };
  const review = await transport.request({ method: "POST", path: REVIEWS, body }, signal);
  return (review.body as { readonly status?: { readonly allowed?: boolean } }).status?.allowed === true;
}

function text(status: number, body: string): Answer {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}
