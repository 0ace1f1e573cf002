/** The kubelet's HTTPS endpoint: logs, streams, pods, health and metrics, for callers who are known and allowed. @module */
import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { SecureContextOptions } from "node:tls";
import { SERVER_TLS } from "#component-base";
import { RuntimeError, type RuntimeErrorCode } from "#cri";
import type { KubeletOptions, KubeletServerOptions, ServingCertificates } from "../options.ts";
import type { Authenticate } from "./authenticate.ts";
import type { Authorize } from "./authorize.ts";
import { checkpointContainer } from "./checkpoint.ts";
import { serveContainerLogs } from "./container-logs.ts";
import { serveNodeLogs } from "./node-logs.ts";
import { cadvisorMetrics, metrics, resourceMetrics } from "./metrics.ts";
import { requestAttributes, requestUrl } from "./request-attributes.ts";
import { HttpError, type ServerHost } from "./server-host.ts";
import { fullSummary, statsSummary } from "./stats-summary.ts";
import { joinStreams, streamingUrl } from "./streams.ts";

/** As upstream; every other failure of the runtime is a 500. */
const RUNTIME_STATUS: Readonly<Partial<Record<RuntimeErrorCode, number>>> = {
  NotFound: 404,
  ResourceExhausted: 429,
};

const MEASURED_PATHS: ReadonlySet<string> = new Set(
  "attach checkpoint configz containerLogs exec healthz logs metrics pods portForward runningpods stats".split(
    " ",
  ),
);
const STREAMS: ReadonlySet<string> = new Set(["attach", "exec", "portForward"]);
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Who may call, and what. */
export interface KubeletAuth {
  readonly authenticate: Authenticate;
  readonly authorize: Authorize;
}

/** Resolves once it listens; closes everything when `signal` aborts. */
export async function startServer(
  host: ServerHost,
  options: KubeletServerOptions & Pick<KubeletOptions, "tls">,
  auth: KubeletAuth,
  signal: AbortSignal,
): Promise<{ readonly port: number; readonly closed: Promise<void> }> {
  let used: Partial<ServingCertificates> = options;
  const context = (): SecureContextOptions => {
    const { cert, key, clientCA } = used;
    const pair = cert === undefined || key === undefined ? {} : { cert, key };
    return { ...pair, ...(clientCA !== undefined && { ca: clientCA }), ...tlsOf(options.tls) };
  };
  const server = createServer({ ...context(), requestCert: true, rejectUnauthorized: false });
  // Connections that are open keep the certificate they began with.
  options.onCertificate?.((changed) => {
    used = { ...used, ...changed };
    server.setSecureContext(context());
  });
  const streams = new Set<Duplex>();
  server.on("request", (request, response) => void handle(host, auth, request, response, signal));
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    streams.add(socket);
    socket.once("close", () => streams.delete(socket));
    void upgrade(host, auth, request, socket, head, signal);
  });
  await listen(server, options);
  const closed = new Promise<void>((resolve) => {
    const close = (): void => {
      server.close(() => resolve());
      for (const socket of streams) socket.destroy();
      server.closeAllConnections();
    };
    signal.addEventListener("abort", close, { once: true });
    if (signal.aborted) close();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  return { port, closed };
}

/** Suites of TLS 1.3 cannot be chosen from, as upstream. */
function tlsOf(
  tls: KubeletOptions["tls"] = {},
): Pick<SecureContextOptions, "minVersion" | "ciphers" | "secureOptions"> {
  const { minVersion = SERVER_TLS.minVersion, ciphers } = tls;
  const always = SERVER_TLS.ciphers.split(":").filter((cipher) => cipher.startsWith("TLS_"));
  return {
    ...SERVER_TLS,
    minVersion,
    ciphers: ciphers === undefined ? SERVER_TLS.ciphers : [...new Set([...always, ...ciphers])].join(":"),
  };
}

function listen(server: Server, { host, port }: KubeletServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (err) => reject(new Error(`Cannot listen on ${host}:${port}`, { cause: err })));
    server.listen(port, host, () => resolve());
  });
}

/** The target of a request whose caller may have it; throws an `HttpError` for others. */
async function admitted(
  host: ServerHost,
  { authenticate, authorize }: KubeletAuth,
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<URL> {
  const url = targetOf(request);
  const user = await authenticate(request, signal).catch((err: unknown) => {
    host.logger.error("Unable to authenticate the request due to an error", { err });
    return undefined;
  });
  if (user === undefined) throw new HttpError(401, "Unauthorized");
  await authorize(user, requestAttributes(request.method ?? "GET", url.pathname), signal);
  return url;
}

function targetOf({ url = "/" }: IncomingMessage): URL {
  try {
    return requestUrl(url);
  } catch (cause) {
    throw new HttpError(400, "Bad Request", { cause });
  }
}

async function handle(
  host: ServerHost,
  auth: KubeletAuth,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  measure(host, request, response);
  try {
    const until = AbortSignal.any([signal, gone.signal]);
    const url = await admitted(host, auth, request, until);
    await route(host, url, request, response, until);
  } catch (err) {
    fail(host, response, err);
  }
}

/** By the first part of the path: the rest names pods. Paths that nobody serves are one. */
function measure(
  { metrics: { server: counted }, clock }: ServerHost,
  { method = "", url = "/" }: IncomingMessage,
  connection: ServerResponse | Duplex,
): void {
  const first = url.split(/[/?]/u)[1] ?? "";
  const path = MEASURED_PATHS.has(first) ? first : "other";
  const follow = path === "containerLogs" && /[?&]follow=(?:true|1)/u.test(url);
  const isLong = follow || STREAMS.has(path);
  const labels = { method, path, server_type: "readwrite", long_running: String(isLong) };
  const startMs = clock.monotonicMs();
  counted.requests.inc(labels);
  counted.inflight.inc(labels);
  connection.once("close", () => {
    counted.inflight.dec(labels);
    counted.requestSeconds.observe(labels, (clock.monotonicMs() - startMs) / 1000);
  });
}

async function route(
  host: ServerHost,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const [what = "", ...segments] = url.pathname.split("/").filter((part) => part !== "");
  if (what === "exec" || what === "attach" || what === "portForward") {
    throw new HttpError(400, "Upgrade request required");
  }
  if (what === "checkpoint" && segments.length === 3) {
    if (request.method !== "POST") throw new HttpError(405, "405: Method Not Allowed");
    const [namespace, pod, container] = segments.map(decodeURIComponent) as [string, string, string];
    const target = { namespace, pod, container, query: url.searchParams };
    return sendJson(response, await checkpointContainer(host, target, signal));
  }
  if (request.method !== "GET" && request.method !== "HEAD") throw new HttpError(405, "Method Not Allowed");
  const path = [what, ...segments].join("/");
  if (what === "containerLogs" && segments.length === 3) {
    const [namespace, pod, container] = segments.map(decodeURIComponent) as [string, string, string];
    return serveContainerLogs(host, { namespace, pod, container, query: url.searchParams }, response, signal);
  }
  if (what === "logs") {
    const target = { path: segments.map(decodeURIComponent).join("/"), params: url.searchParams };
    return serveNodeLogs(host.nodeLogs, target, response, signal);
  }
  switch (path) {
    case "configz":
      return sendJson(response, { kubeletconfig: host.configuration });
    case "healthz":
    case "healthz/ping":
    case "healthz/syncloop":
      if (!host.isHealthy()) throw new HttpError(500, "the container runtime has not answered for too long");
      return sendText(response, "ok");
    case "pods":
      return sendJson(response, { apiVersion: "v1", kind: "PodList", metadata: {}, items: host.pods() });
    case "runningpods":
      return sendJson(response, runningPods(host));
    case "stats/summary":
      return sendJson(
        response,
        await (url.searchParams.get("only_cpu_and_memory") === "true" ? statsSummary : fullSummary)(
          host,
          signal,
        ),
      );
    case "metrics":
      return sendText(response, await metrics(host, signal), "text/plain; version=0.0.4; charset=utf-8");
    case "metrics/cadvisor":
      return sendText(response, await cadvisorMetrics(host, signal), METRICS_TYPE);
    case "metrics/probes":
      return sendText(response, await host.probeMetrics.registry.metrics(), METRICS_TYPE);
    case "metrics/resource":
      return sendText(
        response,
        await resourceMetrics(host, signal),
        "text/plain; version=0.0.4; charset=utf-8",
      );
    default:
      throw new HttpError(404, "404 page not found");
  }
}

function runningPods(host: ServerHost): unknown {
  const items = host
    .runtimePods()
    .filter((pod) => pod.containers.some((c) => c.state === "running"))
    .map(({ name, namespace, uid, containers }) => ({
      metadata: { name, namespace, uid },
      spec: {
        containers: containers
          .filter((c) => c.state === "running")
          .map((c) => ({ name: c.name, image: c.image, resources: {} })),
      },
      status: {},
    }));
  return { apiVersion: "v1", kind: "PodList", metadata: {}, items };
}

async function upgrade(
  host: ServerHost,
  auth: KubeletAuth,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  signal: AbortSignal,
): Promise<void> {
  // Until it is joined, nobody else listens; a caller who hangs up must not end the process.
  socket.on("error", ignore);
  measure(host, request, socket);
  try {
    const url = await admitted(host, auth, request, signal);
    countWebSocket(host, request, url);
    const target = await streamingUrl(host, url, signal);
    await joinStreams(request, socket, head, target);
  } catch (err) {
    const { status, text } = explain(host, err);
    const body = `${text}\n`;
    const lines = [
      `HTTP/1.1 ${status} Error`,
      "Content-Type: text/plain; charset=utf-8",
      `Content-Length: ${Buffer.byteLength(body)}`,
      "Connection: close",
    ];
    socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
  }
}

function ignore(): void {}

function countWebSocket(
  { metrics: { server } }: ServerHost,
  { headers }: IncomingMessage,
  { pathname }: URL,
): void {
  const what = pathname.split("/")[1] ?? "";
  if (STREAMS.has(what) && headers.upgrade?.toLowerCase() === "websocket")
    server.webSockets.inc({ subresource: what.toLowerCase() });
}

function fail(host: ServerHost, response: ServerResponse, err: unknown): void {
  const { status, text } = explain(host, err);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  sendText(response, `${text}\n`, "text/plain; charset=utf-8", status);
}

function explain(host: ServerHost, err: unknown): { readonly status: number; readonly text: string } {
  if (err instanceof HttpError) return { status: err.status, text: err.message };
  if (err instanceof RuntimeError) {
    // The runtime's refusals are ordinary: a container may end before a stream gets to it.
    const text = err.describe();
    host.logger.info("The runtime refused a request", { reason: text });
    return { status: RUNTIME_STATUS[err.code] ?? 500, text };
  }
  host.logger.warn("Kubelet request failed", { err });
  return { status: 500, text: (err as Error).message };
}

function sendText(
  response: ServerResponse,
  body: string,
  type = "text/plain; charset=utf-8",
  status = 200,
): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

function sendJson(response: ServerResponse, value: unknown): void {
  sendText(response, JSON.stringify(value), "application/json");
}
