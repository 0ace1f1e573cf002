/** An ordinary request to a backend (a kubelet, a pod), whose answer is handed on as it comes. @module */
import type { IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { limitConnecting } from "../http/limit-connecting.ts";
import { request as requestHttp } from "../http/node-http.ts";
import { StatusError } from "#apimachinery";
import { connectionError } from "#component-base";
import type { Result } from "../handlers/request.ts";
import type { UpgradeBackend } from "../streaming/index.ts";

/** Of one hop only. */
const HOP_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export interface BackendRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Uint8Array;
}

/** What to say of a backend that cannot be reached. */
type Unreachable = (why: string, url: URL, cause: unknown) => StatusError;

const unavailable: Unreachable = (why, _, cause) =>
  new StatusError("ServiceUnavailable", `error trying to reach service: ${why}`, { cause });

/** Rejects, by default with ServiceUnavailable, when the backend cannot be reached. */
export async function requestBackend(
  { url, tls }: UpgradeBackend,
  { method, headers, body }: BackendRequest,
  signal: AbortSignal,
  unreachable: Unreachable = unavailable,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const send = url.protocol === "https:" ? requestHttps : requestHttp;
  const request = send(url, {
    ...tls,
    method,
    headers: { ...headers, ...(body !== undefined && { "content-length": body.length }) },
    signal,
    agent: false,
  });
  limitConnecting(request, url);
  request.once("response", resolve);
  request.once("error", reject);
  request.end(body);
  try {
    return await promise;
  } catch (cause) {
    throw unreachable(connectionError(cause, url), url, cause);
  }
}

export function streamResult(response: IncomingMessage): Extract<Result, { readonly type: "stream" }> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    if (HOP_HEADERS.has(name) || value === undefined) continue;
    headers[name] = typeof value === "string" ? value : value.join(", ");
  }
  return { type: "stream", status: response.statusCode ?? 502, headers, body: response };
}

/** The whole body of a short answer, for error messages. */
export async function readText(response: IncomingMessage, lengthMax: number): Promise<string> {
  let text = "";
  for await (const chunk of response as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.length >= lengthMax) break;
  }
  return text.slice(0, lengthMax);
}
