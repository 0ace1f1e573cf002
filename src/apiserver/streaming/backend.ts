/** Asking a backend (a kubelet, a pod) to switch protocols. @module */
import type { IncomingMessage, RequestOptions } from "node:http";
import { request as requestHttps } from "node:https";
import { limitConnecting } from "../http/limit-connecting.ts";
import { request as requestHttp } from "../http/node-http.ts";
import type { Duplex } from "node:stream";

export interface UpgradeBackend {
  /** `https:` or `http:`, with path and query. */
  readonly url: URL;
  /** Sent besides those of the client: who asks. */
  readonly headers?: RawHeaders;
  /** PEM. */
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly servername?: string;
    /** Default: true. */
    readonly rejectUnauthorized?: boolean;
  };
}

/** Names and values in turn, as they came. */
export type RawHeaders = readonly string[];

export interface BackendResponse {
  readonly status: number;
  readonly statusText: string;
  readonly rawHeaders: RawHeaders;
  readonly headers: IncomingMessage["headers"];
}

export type Dialed =
  | {
      readonly type: "upgraded";
      readonly response: BackendResponse;
      readonly socket: Duplex;
      readonly head: Buffer;
    }
  | { readonly type: "refused"; readonly response: BackendResponse; readonly body: Buffer };

/** Of a refusal: an error message. */
const BODY_BYTES_MAX = 64 * 1024;

/** Resolves with the connection taken over, or with the refusal; rejects when there is no answer. */
export function dialUpgrade(
  { url, tls, headers = [] }: UpgradeBackend,
  method: string,
  rawHeaders: RawHeaders,
  signal: AbortSignal,
): Promise<Dialed> {
  return new Promise((resolve, reject) => {
    const options: RequestOptions & UpgradeBackend["tls"] = {
      ...tls,
      method,
      signal,
      agent: false,
      headers: [...rawHeaders, ...headers, "Host", url.host],
    };
    const request = url.protocol === "https:" ? requestHttps(url, options) : requestHttp(url, options);
    limitConnecting(request, url);
    request.once("error", reject);
    request.once("upgrade", (message, socket, head) => {
      // A session may be silent for hours.
      socket.setTimeout(0);
      socket.setNoDelay(true);
      resolve({ type: "upgraded", response: responseOf(message), socket, head });
    });
    request.once("response", (message) => {
      readBody(message)
        .then((body) => resolve({ type: "refused", response: responseOf(message), body }))
        .catch(reject);
    });
    request.end();
  });
}

async function readBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= BODY_BYTES_MAX) break;
  }
  return Buffer.concat(chunks).subarray(0, BODY_BYTES_MAX);
}

function responseOf({ statusCode, statusMessage, rawHeaders, headers }: IncomingMessage): BackendResponse {
  return { status: statusCode ?? 0, statusText: statusMessage ?? "", rawHeaders, headers };
}
