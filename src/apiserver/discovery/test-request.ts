/** A GET as the routes see it, without a server; for tests. @module */
import type { ApiRequest, Result } from "../handlers/request.ts";
import { anonymousUser } from "../user-info.ts";

/** `target` is a path with its query; header names are in lower case. */
export function getRequest(target: string, headers: Readonly<Record<string, string>> = {}): ApiRequest {
  const { pathname, searchParams } = new URL(target, "https://localhost");
  return {
    method: "GET",
    path: pathname,
    query: searchParams,
    headers,
    user: anonymousUser,
    signal: new AbortController().signal,
    body: () => Promise.reject(new Error("a GET has no body")),
    warn: () => {},
  };
}

/** Status, headers and body of a result, whatever its type. */
export function shown(result: Result): {
  readonly status: number;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
} {
  if (result.type === "value") {
    const { status, value, as, headers = {} } = result;
    return { status, type: as?.contentType ?? "", headers, body: value };
  }
  if (result.type !== "bytes") throw new Error(`unexpected result ${result.type}`);
  const { status, contentType, headers = {}, body } = result;
  return { status, type: contentType, headers, body };
}
