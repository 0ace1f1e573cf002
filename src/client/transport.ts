/** How requests reach an API server: over HTTPS (`client/node`), or by a function call inside its process. @module */
import type { WatchEvent } from "#apimachinery";

export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute, without query: `/api/v1/namespaces/default/pods`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** A JSON value, or bytes with a `content-type` header of their own. */
  readonly body?: unknown;
}

export interface Response {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** The decoded JSON body. In process it is the server's own shared object: treat it as frozen. */
  readonly body: unknown;
}

export interface Transport {
  /** Rejects with a `StatusError` when the server answers 400 or more. */
  request(request: Request, signal: AbortSignal): Promise<Response>;
  /** Events of a GET with `watch=true`. Ends when the server closes it; throws `StatusError` if it never starts. */
  watch(request: Request, signal: AbortSignal): AsyncIterable<WatchEvent>;
  /** The undecoded body as it arrives (logs, proxies). */
  stream(request: Request, signal: AbortSignal): AsyncIterable<Uint8Array>;
}
