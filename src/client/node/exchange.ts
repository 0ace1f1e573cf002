/** One HTTP request and its answer, below the API: what the two versions of HTTP have in common. @module */
import { UnreachableError } from "../unreachable.ts";

export interface RawRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Uint8Array | undefined;
}

export interface RawResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Must be read to its end or destroyed. Errors when the connection breaks before the end. */
  readonly body: AsyncIterable<Uint8Array> & { destroy(): unknown };
}

export interface Connection {
  /** Whether new requests may be sent on it. */
  readonly usable: boolean;
  /** Resolves with the head of the answer. Rejects when the connection breaks, or with the signal's reason. */
  send(request: RawRequest, signal: AbortSignal): Promise<RawResponse>;
  /** Breaks what is under way. */
  close(): void;
  /** Takes no more requests, and closes when those under way have ended. */
  retire(): void;
}

/** The request was never handled by the server: it may be sent again whatever it does. */
export class NotSentError extends UnreachableError {
  override readonly name = "NotSentError";
}

export function flattenHeaders(
  headers: Readonly<Record<string, string | readonly string[] | number | undefined>>,
): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    flat[name] = typeof value === "object" ? value.join(", ") : String(value);
  }
  return flat;
}
