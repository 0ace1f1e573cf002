/** `nodes/proxy`, `pods/proxy`, `services/proxy`: HTTP requests handed on into the cluster. @module */
import { Readable } from "node:stream";
import { badRequest, notFound, StatusError, type Clock } from "#apimachinery";
import type { Endpoints, Pod, Service } from "#api/core/v1/types.gen";
import { urlHost } from "#api/validation/ip-range";
import type { ResourceRequest } from "../handlers/handler-context.ts";
import { headerValue, type ApiRequest, type Result } from "../handlers/request.ts";
import type { SubresourceHandlers } from "../handlers/subresources.ts";
import { streamToBackend, type UpgradeBackend } from "../streaming/index.ts";
import { requestBackend, streamResult } from "./backend-request.ts";
import type { KubeletConnection } from "./kubelet-connection.ts";
import { proxiedAnswer } from "./proxied-answer.ts";

/** About this connection, or about who asked: not for backends to see. */
const NOT_FORWARDED: ReadonlySet<string> = new Set([
  "authorization",
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "proxy-authorization",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** Loopback and link-local: those are this machine and its cloud, not pods. */
const FORBIDDEN_ADDRESSES = /^(127\.|169\.254\.|0\.|::1$|fe80:)/i;

export interface ProxyOptions {
  readonly kubelets: KubeletConnection;
  readonly clock: Clock;
  readonly random: () => number;
}

type Locate = (routed: ResourceRequest, path: string) => Promise<UpgradeBackend> | UpgradeBackend;

export function proxyHandlers(options: ProxyOptions): ReadonlyMap<string, SubresourceHandlers> {
  const via = (locate: Locate): SubresourceHandlers => ({
    connect: (routed) => proxy(routed, locate, options.clock),
  });
  return new Map([
    [
      "core/nodes/proxy",
      via(({ info, request }, path) =>
        options.kubelets.backend(splitTarget(info.name).name, path, request.query),
      ),
    ],
    ["core/pods/proxy", via(podBackend)],
    ["core/services/proxy", via((routed, path) => serviceBackend(routed, path, options.random))],
  ]);
}

async function proxy(routed: ResourceRequest, locate: Locate, clock: Clock): Promise<Result> {
  const { request, info } = routed;
  const backend = await locate(routed, proxiedPath(request.path, info.rest));
  const { signal, upgrade, method, query } = request;
  if (upgrade !== undefined) {
    await streamToBackend(upgrade, { subresource: "proxy", query, backend, clock }, signal);
    return { type: "upgraded" };
  }
  const body = await request.body();
  if (body.type !== "bytes" && body.value !== undefined) {
    throw badRequest("proxied requests carry bytes, not objects");
  }
  const bytes = body.type === "bytes" && body.bytes.length > 0 ? body.bytes : undefined;
  if (isBare(routed)) return redirection(request);
  const headers = { ...forwarded(request), "x-forwarded-uri": request.path };
  const sent = { method, headers, ...(bytes !== undefined && { body: bytes }) };
  const answer = streamResult(await requestBackend(backend, sent, signal));
  const asked = headerValue(request, ":authority") || headerValue(request, "host");
  return proxiedAnswer(answer, { prefix: ownPath(routed), backend: backend.url.host, asked });
}

/** Up to `proxy`, without a slash at the end. */
function ownPath({ request, info }: ResourceRequest): string {
  const path = request.path.replace(/\/+$/, "");
  return path.slice(0, path.length - info.rest.length).replace(/\/+$/, "");
}

/** Relative links of a page that was fetched without the slash at its end would lead elsewhere. */
function isBare({ request, info }: ResourceRequest): boolean {
  const isRead = request.method === "GET" || request.method === "HEAD";
  return isRead && info.rest === "" && !request.path.endsWith("/");
}

function redirection({ path, query }: ApiRequest): Result {
  const location = `${path}/${query.size === 0 ? "" : `?${query.toString()}`}`;
  return { type: "stream", status: 301, headers: { location }, body: Readable.from([]) };
}

/** Escaped anew, with the slash at its end if the client wrote one: to many backends it means something else. */
export function proxiedPath(path: string, rest: string): string {
  if (rest === "") return "/";
  const escaped = rest.split("/").map(encodeURIComponent).join("/");
  return `/${escaped}${path.endsWith("/") ? "/" : ""}`;
}

function forwarded({ headers }: ApiRequest): Record<string, string | readonly string[]> {
  const kept: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(":") || NOT_FORWARDED.has(name)) continue;
    kept[name] = value;
  }
  return kept;
}

interface ProxyTarget {
  readonly scheme: "http" | "https";
  readonly name: string;
  readonly port: string;
}

/** `[scheme:]name[:port]`. */
export function splitTarget(text: string): ProxyTarget {
  const parts = text.split(":");
  const isScheme = parts.length > 1 && (parts[0] === "http" || parts[0] === "https");
  const scheme = isScheme && parts.length !== 2 ? (parts.shift() as "http" | "https") : "http";
  const [name = "", port = ""] = parts;
  if (name === "" || parts.length > 2) throw badRequest(`invalid request ${JSON.stringify(text)}`);
  return { scheme, name, port };
}

async function podBackend({ request, info, served }: ResourceRequest, path: string): Promise<UpgradeBackend> {
  const target = splitTarget(info.name);
  const pod = (await served.store.get(info.namespace, target.name)).object as Pod;
  const ip = pod.status?.podIP ?? "";
  if (ip === "" || FORBIDDEN_ADDRESSES.test(ip)) throw badRequest("address not allowed");
  const named = pod.spec?.containers.flatMap((container) => container.ports ?? []) ?? [];
  const port = target.port === "" ? (named[0]?.containerPort ?? "") : target.port;
  return backendOf(target.scheme, ip, String(port), path, request.query);
}

async function serviceBackend(
  { request, info, served, context }: ResourceRequest,
  path: string,
  random: () => number,
): Promise<UpgradeBackend> {
  const target = splitTarget(info.name);
  const service = (await served.store.get(info.namespace, target.name)).object as Service;
  const portName = portNameOf(service, target.port);
  const endpoints = context.registry
    .findStore("core/endpoints")
    ?.cache.get(`${info.namespace}/${target.name}`)?.object as Endpoints | undefined;
  if (endpoints === undefined) throw notFound({ group: "", resource: "endpoints" }, target.name);
  const choices = (endpoints.subsets ?? []).flatMap(({ addresses = [], ports = [] }) => {
    const port =
      ports.find(({ name = "" }) => name === portName) ?? (target.port === "" ? ports[0] : undefined);
    return port === undefined ? [] : addresses.map(({ ip }) => ({ ip, port: port.port }));
  });
  const allowed = choices.filter(({ ip }) => !FORBIDDEN_ADDRESSES.test(ip));
  const chosen = allowed[Math.floor(random() * allowed.length)];
  if (chosen === undefined) {
    throw new StatusError(
      "ServiceUnavailable",
      `no endpoints available for service ${JSON.stringify(info.name)}`,
    );
  }
  return backendOf(target.scheme, chosen.ip, String(chosen.port), path, request.query);
}

/** Endpoints carry the names of the service's ports; a request may say the number. */
function portNameOf({ spec, metadata }: Service, port: string): string {
  const ports = spec?.ports ?? [];
  if (port === "") return ports[0]?.name ?? "";
  const found = ports.find(({ name, port: number }) => name === port || String(number) === port);
  if (found !== undefined) return found.name ?? "";
  throw new StatusError(
    "ServiceUnavailable",
    `no service port ${JSON.stringify(port)} found for service ${JSON.stringify(metadata.name)}`,
  );
}

function backendOf(
  scheme: string,
  ip: string,
  port: string,
  path: string,
  query: URLSearchParams,
): UpgradeBackend {
  const url = new URL(`${scheme}://${urlHost(ip)}${port === "" ? "" : `:${port}`}${path}`);
  url.search = query.toString();
  // A pod's certificate is its own affair, as upstream.
  return scheme === "https" ? { url, tls: { rejectUnauthorized: false } } : { url };
}
