/** How long a request may take, and which ones take as long as they like. @module */
import { badRequest, parseDuration } from "#apimachinery";
import type { RequestInfo } from "./request-info.ts";

const LONG_RUNNING_SUBRESOURCES: ReadonlySet<string> = new Set([
  "log",
  "exec",
  "attach",
  "portforward",
  "proxy",
]);

/** Requests that last as long as their client likes: not timed out, and but for the beginning of watches no matter of flow control. */
export function isLongRunning({ isResourceRequest, verb, subresource }: RequestInfo): boolean {
  return verb === "watch" || (isResourceRequest && LONG_RUNNING_SUBRESOURCES.has(subresource));
}

/** `?timeout=` shortens what the server allows; longer ones, and those of nothing, change nothing. Throws BadRequest. */
export function timeoutOf(query: URLSearchParams, maxMs: number): number {
  const text = query.size === 0 ? "" : (query.get("timeout") ?? "");
  if (text === "") return maxMs;
  const asked = durationOf(text);
  return asked > 0 && asked < maxMs ? asked : maxMs;
}

function durationOf(text: string): number {
  try {
    return parseDuration(text);
  } catch (err) {
    throw badRequest(`invalid timeout specified in the request URL - ${(err as Error).message}`);
  }
}
