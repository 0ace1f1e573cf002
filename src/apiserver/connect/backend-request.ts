/** An ordinary request to a backend (a kubelet, a pod), whose answer is handed on as it comes. @module */
import type { IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { request as requestHttp } from "../http/node-http.ts";
import { StatusError } from "#apimachinery";
import type { Result } from "../handlers/request.ts";
import type { UpgradeBackend } from "../streaming/index.ts";

const CONNECT_TIMEOUT_MS = 30_000;
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

/** Rejects with ServiceUnavailable when the backend cannot be reached. */
export async function requestBackend(
  { url, tls }: UpgradeBackend,
  { method, headers, body }: BackendRequest,
  signal: AbortSignal,
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
  request.setTimeout(CONNECT_TIMEOUT_MS, () =>
    request.destroy(new Error(`no answer in ${CONNECT_TIMEOUT_MS} ms`)),
  );
  request.once("response", (response) => {
    // What follows may be as slow as it likes: a log that is followed.
    request.setTimeout(0);
    resolve(response);
  });
  request.once("error", reject);
  request.end(body);
  try {
    return await promise;
  } catch (cause) {
    const why = cause instanceof Error && cause.message !== "" ? cause.message : String(cause);
    throw new StatusError("ServiceUnavailable", `error trying to reach service: ${why}`, { cause });
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
