/** Requests for the group-versions of others, handed on with the word of this server on who asks. @module */
import type { IncomingMessage } from "node:http";
import { badRequest, type Clock } from "#apimachinery";
import type { APIService } from "#api/apiregistration/v1/types.gen";
import { urlHost } from "#api/validation/ip-range";
import type { RequestHeaderOptions } from "../authn/front-proxy-options.ts";
import { streamResult } from "../connect/backend-request.ts";
import { headerValue, type ApiRequest, type Result } from "../handlers/request.ts";
import { streamToBackend } from "../streaming/index.ts";
import { isAvailable } from "./api-service.ts";
import { NO_CREDENTIALS, UnreachableError, type Backends, type BackendTarget } from "./backend.ts";
import { forwardedHeaders, identityHeaders, rawHeaders, type Headers } from "./identity-headers.ts";

export interface ProxyOptions {
  readonly backends: Backends;
  readonly clock: Clock;
  /** Headers that a front proxy of this server may use: they end here. */
  readonly requestHeader: RequestHeaderOptions | undefined;
  /** A backend may send the client elsewhere below this path. Default: nowhere. */
  readonly redirectsBelow?: string;
}

/** Authorized already. Answers 503 when the backend is not available or cannot be reached. */
export async function proxy(
  request: ApiRequest,
  apiService: APIService,
  options: ProxyOptions,
): Promise<Result> {
  const path = escapedPath(request.path);
  if (path === undefined) return text(404, "404 page not found");
  if (!options.backends.hasCredentials) return text(503, `service unavailable: ${NO_CREDENTIALS}`);
  if (!isAvailable(apiService)) return text(503, "service unavailable");
  let target: BackendTarget;
  try {
    target = options.backends.target(apiService);
  } catch {
    // Why is the availability check's to say.
    return text(503, "service unavailable");
  }
  const search = request.query.size === 0 ? "" : `?${request.query.toString()}`;
  const full = `${path}${search}`;
  if (request.upgrade !== undefined) return upgrade(request, target, full, options);
  const headers = { ...outgoing(request, options), ...identityHeaders(request.user) };
  const body = await bodyOf(request);
  const sent = { method: request.method, path: full, headers, ...(body !== undefined && { body }) };
  try {
    const response = await options.backends.send(target, sent, request.signal);
    return answer(response, options.redirectsBelow, request.signal);
  } catch (err) {
    if (err instanceof UnreachableError) return text(503, `error trying to reach service: ${err.message}`);
    throw err;
  }
}

/**
 * The path that was authorized, escaped anew: what was an escaped slash is a slash for the backend too. Undefined for
 * paths that climb: the backend might find something else there than what was authorized.
 */
export function escapedPath(path: string): string | undefined {
  const segments = path.split("/");
  if (segments.some((segment) => segment === "." || segment === "..")) return undefined;
  return segments.map((segment) => encodeURIComponent(segment.toWellFormed())).join("/");
}

function outgoing(request: ApiRequest, { requestHeader }: ProxyOptions): Headers {
  const host = headerValue(request, "host") || headerValue(request, ":authority");
  return {
    ...forwardedHeaders(request, requestHeader),
    "x-forwarded-uri": escapedPath(request.path) ?? "/",
    "x-forwarded-proto": "https",
    ...(host !== "" && { "x-forwarded-host": host }),
  };
}

async function bodyOf(request: ApiRequest): Promise<Uint8Array | undefined> {
  const body = await request.body();
  if (body.type === "bytes") return body.bytes.length === 0 ? undefined : body.bytes;
  if (body.value === undefined) return undefined;
  return Buffer.from(JSON.stringify(body.value));
}

async function upgrade(
  request: ApiRequest,
  { address, tls }: BackendTarget,
  path: string,
  { clock }: ProxyOptions,
): Promise<Result> {
  const { upgrade: connection, query, signal, user } = request;
  if (connection === undefined) throw badRequest("Upgrade request required");
  const url = new URL(`https://${urlHost(address.host)}:${address.port}${path}`);
  const backend = { url, tls, headers: rawHeaders(identityHeaders(user)) };
  await streamToBackend(connection, { subresource: "proxy", query, backend, clock }, signal);
  return { type: "upgraded" };
}

function answer(response: IncomingMessage, redirectsBelow: string | undefined, signal: AbortSignal): Result {
  const { statusCode = 0, headers } = response;
  const isRedirect = statusCode >= 300 && statusCode <= 399 && headers.location !== undefined;
  if (isRedirect && (redirectsBelow === undefined || !headers.location?.startsWith(redirectsBelow))) {
    response.destroy();
    return text(502, "the backend attempted to redirect this request, which is not permitted");
  }
  const result = streamResult(response);
  return result.type === "stream" ? { ...result, body: whileWanted(response, signal) } : result;
}

/** When the client goes, the end of the backend's answer is no error of its own. */
async function* whileWanted(
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (err) {
    signal.throwIfAborted();
    throw err;
  }
}

/** As Go's `http.Error` writes it. */
function text(status: number, message: string): Result {
  return {
    type: "bytes",
    status,
    contentType: "text/plain; charset=utf-8",
    body: `${message}\n`,
    headers: { "x-content-type-options": "nosniff" },
  };
}
