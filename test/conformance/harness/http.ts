/** A plain HTTPS request as the cluster's administrator, for what a typed client hides: headers, media types, raw bodies. @module */
import { request, type Agent } from "node:https";
import { text } from "node:stream/consumers";
import type { IncomingHttpHeaders } from "node:http";

export interface HttpRequest {
  /** Default GET. */
  readonly method?: string;
  /** With the query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is. */
  readonly body?: string | Uint8Array;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body, parsed at each call. */
  json(): unknown;
}

/** Never throws for a status: the test judges it. */
export function sendHttp(
  server: string,
  agent: Agent,
  { method = "GET", path, headers = {}, body }: HttpRequest,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const sent = request(new URL(path, server), { method, agent, headers, signal }, (response) => {
    text(response).then(
      (content) =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: content,
          json: () => JSON.parse(content) as unknown,
        }),
      reject,
    );
  });
  sent.once("error", reject);
  sent.end(body);
  return promise;
}
