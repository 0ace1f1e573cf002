/** One HTTP GET of a probe or hook: no certificate checks, bounded body, redirects only to the same host. @module */
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIPv6 } from "node:net";
import type { Container, HTTPGetAction } from "#api/core/v1/types.gen";
import { httpRequest } from "#component-base";

export interface HttpResult {
  readonly status: number;
  readonly body: string;
  /** A redirect to another host, which is not followed. */
  readonly redirected: boolean;
}

const BODY_BYTES_MAX = 10 * 1024;
const REDIRECTS_MAX = 10;

export interface HttpGetOptions {
  /** Used when the action names no host. */
  readonly podIP: string;
  readonly userAgent: string;
}

/** Rejects when there is no answer. */
export async function httpGet(
  action: HTTPGetAction,
  container: Container,
  { podIP, userAgent }: HttpGetOptions,
  signal: AbortSignal,
): Promise<HttpResult> {
  const host = action.host !== undefined && action.host !== "" ? action.host : podIP;
  const port = resolvePort(action.port, container);
  const scheme = (action.scheme ?? "HTTP").toLowerCase();
  const path = action.path ?? "/";
  const base = `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const headers = headersOf(action, userAgent);
  let url = new URL(path.startsWith("/") ? path : `/${path}`, base);
  for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
    const answer = await getOnce(url, headers, signal);
    if (answer.location === undefined) return { ...answer, redirected: false };
    const next = new URL(answer.location, url);
    if (next.hostname !== url.hostname) return { ...answer, redirected: true };
    url = next;
  }
  throw new Error(`stopped after ${REDIRECTS_MAX} redirects`);
}

/** A number, or the name of one of the container's ports. */
export function resolvePort(port: number | string, container: Container): number {
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  const value = named ?? Number(port);
  if (Number.isInteger(value) && value > 0 && value < 65_536) return value;
  if (typeof port === "number") throw new Error(`invalid port number: ${port}`);
  throw new Error(`port ${port} not found`);
}

function headersOf(
  { httpHeaders = [] }: HTTPGetAction,
  userAgent: string,
): Record<string, string | string[]> {
  const headers: Record<string, string[]> = {};
  for (const { name, value } of httpHeaders) (headers[name.toLowerCase()] ??= []).push(value);
  // A request has one host, and Node takes no list for it.
  const host = headers["host"]?.[0];
  return {
    "user-agent": userAgent,
    accept: "*/*",
    ...headers,
    ...(host !== undefined && { host }),
    connection: "close",
  };
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly location?: string;
}

function getOnce(url: URL, headers: Record<string, string | string[]>, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const options = { headers, signal, agent: false as const, rejectUnauthorized: false };
    const request = send(url, options, (response) => {
      readBody(response).then((body) => {
        const { statusCode = 0, headers: answered } = response;
        const isRedirect = statusCode >= 300 && statusCode < 400 && answered.location !== undefined;
        resolve({ status: statusCode, body, ...(isRedirect && { location: answered.location! }) });
      }, reject);
    });
    request.on("error", reject);
    request.end();
  });
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= BODY_BYTES_MAX) break;
  }
  return Buffer.concat(chunks).toString("utf8", 0, BODY_BYTES_MAX);
}
