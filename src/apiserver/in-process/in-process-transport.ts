/** The transport of clients in the server's own process: a function call on shared objects, through the same dispatcher as HTTP. @module */
import { StatusError, type Clock, type KubeObject, type WatchEvent } from "#apimachinery";
import type { Request, Response, Transport } from "#client";
import type { Dispatcher } from "../handlers/dispatch.ts";
import { bookmarkObject, listMetadataOf } from "../handlers/encode.ts";
import type { ApiRequest, ObjectList, Representation, RequestBody, Result } from "../handlers/request.ts";
import { parseTarget } from "../http/http-request.ts";
import type { Auditor } from "../audit/auditor.ts";
import { audited } from "./audited.ts";
import type { UserInfo } from "../user-info.ts";
import { yieldToLoop } from "../watchcache/watch-cache.ts";
import type { CachedObject } from "../watchcache/cached-object.ts";
import { proxiedResponse, proxiedWatch } from "./proxied.ts";
import type { WatchItem } from "../watchcache/watcher.ts";

/** Items of a list parsed, and events handed over, between two turns of the event loop. */
const PARSED_ITEMS_MAX = 500;
const EVENTS_MAX = 100;

export interface InProcessOptions {
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly random: () => number;
  readonly user: UserInfo;
  /** Absent: nothing is audited. */
  readonly auditor: Auditor | undefined;
  /** Aborts when the server takes no more requests. */
  readonly draining: AbortSignal;
}

export class InProcessTransport implements Transport {
  readonly #options: InProcessOptions;

  constructor(options: InProcessOptions) {
    this.#options = options;
  }

  async request(request: Request, signal: AbortSignal): Promise<Response> {
    const warnings: string[] = [];
    const result = await this.#handle(request, signal, warnings);
    if (result.type === "stream") return proxiedResponse(request, result);
    const response = await responseOf(result, warnings);
    if (response.status >= 400) throw StatusError.fromStatus(response.body as object, response.status);
    return response;
  }

  async *watch(request: Request, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const query = { ...request.query, watch: true };
    const result = await this.#handle({ ...request, query }, signal, []);
    if (result.type === "stream") {
      yield* proxiedWatch(request, result, signal);
      return;
    }
    if (result.type === "bytes" && result.status >= 400) {
      throw StatusError.fromStatus(textBody(result) as object, result.status);
    }
    if (result.type !== "watch") throw new StatusError("NotFound", `nothing to watch at ${request.path}`);
    const { watcher, as, kind, timeoutMs } = result;
    let wake: (() => void) | undefined;
    const stop = (): void => watcher.stop();
    const timer = this.#options.clock.after(timeoutMs, stop);
    signal.addEventListener("abort", stop, { once: true });
    this.#options.draining.addEventListener("abort", stop, { once: true });
    if (signal.aborted || this.#options.draining.aborted) stop();
    watcher.onReady(() => wake?.());
    try {
      for (;;) {
        const items = watcher.take(EVENTS_MAX);
        for (const item of items) yield watchEventOf(item, as, kind);
        if (items.length > 0) continue;
        if (watcher.isEnded || signal.aborted) return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", stop);
      this.#options.draining.removeEventListener("abort", stop);
      watcher.stop();
    }
  }

  async *stream(request: Request, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const result = await this.#handle(request, signal, []);
    if (result.type === "stream") {
      if (result.status >= 400) throw StatusError.fromStatus({}, result.status);
      yield* result.body;
      return;
    }
    const { status, body } = await responseOf(result, []);
    if (status >= 400) throw StatusError.fromStatus(body as object, status);
    yield Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  }

  #handle(request: Request, signal: AbortSignal, warnings: string[]): Promise<Result> {
    signal.throwIfAborted();
    const { draining, dispatcher, user, auditor } = this.#options;
    if (draining.aborted) {
      return Promise.reject(new StatusError("ServiceUnavailable", "apiserver is shutting down"));
    }
    const asked = apiRequestOf(request, user, signal, warnings);
    if (auditor === undefined) return dispatcher.handle(asked);
    return audited(asked, { ...this.#options, auditor });
  }
}

function apiRequestOf(
  { method, path, query, headers = {}, body }: Request,
  user: UserInfo,
  signal: AbortSignal,
  warnings: string[],
): ApiRequest {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parameters.append(name, String(value));
  }
  const contentType = headers["content-type"] ?? "application/json";
  const requestBody: RequestBody =
    body instanceof Uint8Array
      ? { type: "bytes", bytes: body, contentType }
      : { type: "value", value: body, contentType };
  return {
    method,
    path: parseTarget(path).path,
    query: parameters,
    headers,
    user,
    signal,
    body: () => Promise.resolve(requestBody),
    warn: (message) => void warnings.push(`299 - "${message}"`),
  };
}

async function responseOf(result: Result, warnings: readonly string[]): Promise<Response> {
  const headers = warnings.length === 0 ? {} : { warning: warnings.join(", ") };
  switch (result.type) {
    case "object":
      return { status: result.status, headers, body: shown(result.object, result.as) };
    case "value":
      return { status: result.status, headers, body: result.value };
    case "list":
      return { status: 200, headers, body: await listBody(result.list, result.as) };
    case "bytes":
      return { status: result.status, headers: { ...headers, ...result.headers }, body: textBody(result) };
    case "watch":
      result.watcher.stop();
      throw new StatusError("BadRequest", "a watch must be asked for as one");
    case "stream":
    case "upgraded":
    default:
      throw new StatusError("BadRequest", "a stream must be asked for as one");
  }
}

const REFUSALS: Readonly<Record<number, readonly ["NotFound" | "ServiceUnavailable", string]>> = {
  404: ["NotFound", "the server could not find the requested resource"],
  503: ["ServiceUnavailable", "the server is currently unable to handle the request"],
};

/** A body that is no JSON comes as text; a refusal as the Status its text stands for. */
function textBody({ status, body }: Extract<Result, { type: "bytes" }>): unknown {
  const text = typeof body === "string" ? body : Buffer.from(body).toString();
  if (status < 400) return text;
  const [reason, message] = REFUSALS[status] ?? (["Unknown", text] as const);
  return new StatusError(reason, message, { code: status }).toStatus();
}

function shown(object: CachedObject, as: Representation): unknown {
  return as.transform === undefined ? object.object : as.transform(object.object);
}

async function listBody(list: ObjectList, as: Representation): Promise<unknown> {
  const items: unknown[] = [];
  for (const [i, item] of list.items.entries()) {
    items.push(shown(item, as));
    if (i % PARSED_ITEMS_MAX === PARSED_ITEMS_MAX - 1) await yieldToLoop();
  }
  const metadata = listMetadataOf(list);
  if (as.list === undefined) return { kind: list.kind, apiVersion: list.apiVersion, metadata, items };
  const { head, tail } = as.list(metadata);
  const frame = JSON.parse(head + tail) as Record<string, unknown>;
  const key = "rows" in frame ? "rows" : "items";
  return { ...frame, [key]: items };
}

function watchEventOf(
  item: WatchItem,
  as: Representation,
  kind: { readonly apiVersion: string; readonly kind: string },
): WatchEvent {
  switch (item.type) {
    case "event":
      return { type: item.event.type, object: shown(item.event.object, as) as KubeObject };
    case "bookmark": {
      const object = bookmarkObject(item, kind);
      return { type: "BOOKMARK", object: (as.transform?.(object) ?? object) as KubeObject };
    }
    case "error":
    default:
      return { type: "ERROR", object: item.error.toStatus() };
  }
}
