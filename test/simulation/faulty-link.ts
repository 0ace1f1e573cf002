/**
 * The link between one process and the API server, in the simulation's hands: every request waits until it is delivered,
 * and may fail before or after it was applied; every watch shows its events only when they are released.
 * @module
 */
import { StatusError, type WatchEvent } from "#apimachinery";
import type { Request, Response, Transport } from "#client";
import type { Random } from "./random.ts";

interface Pending {
  readonly request: Request;
  readonly signal: AbortSignal;
  readonly answer: PromiseWithResolvers<Response>;
}

interface Stream {
  readonly path: string;
  readonly buffer: WatchEvent[];
  /** How many of the buffer may be seen. */
  released: number;
  isGated: boolean;
  isEnded: boolean;
  failure: unknown;
  wake: (() => void) | undefined;
}

/** How a delivered request fares. */
export type Fate = "ok" | "refused" | "lost-answer";

export interface LinkOptions {
  readonly name: string;
  readonly transport: Transport;
  readonly random: Random;
  /** Whether anything may go wrong at present. */
  readonly isFaulty: () => boolean;
  /** A write was applied, but who asked for it was told that it failed. */
  readonly onAmbiguous: (request: Request) => void;
  /** Called where the process asks, before anything happens to the request. */
  readonly onIssued: (request: Request) => void;
  /** A write was applied, and its writer is about to know. */
  readonly onAnswered: (request: Request, response: Response) => void;
}

/** Best effort, and nothing that decides reads them. */
const isEvent = (path: string): boolean => path.endsWith("/events") || path.includes("/events/");
/** Without these every node would seem dead whenever the cache lags. */
const isHeartbeat = (path: string): boolean => path.includes("/leases");
const READ_GATED = 0.1;

export class FaultyLink implements Transport {
  readonly name: string;
  readonly pending: Pending[] = [];
  readonly #streams = new Set<Stream>();
  readonly #options: LinkOptions;
  #isCut = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.name = options.name;
  }

  /** The same link for another user of the same process. */
  as(transport: Transport): Transport {
    return {
      request: (request, signal) => this.#request(transport, request, signal),
      watch: (request, signal) => this.#watch(transport, request, signal),
      stream: (request, signal) => transport.stream(request, signal),
    };
  }

  request(request: Request, signal: AbortSignal): Promise<Response> {
    return this.#request(this.#options.transport, request, signal);
  }

  watch(request: Request, signal: AbortSignal): AsyncIterable<WatchEvent> {
    return this.#watch(this.#options.transport, request, signal);
  }

  stream(request: Request, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#options.transport.stream(request, signal);
  }

  /** Watches with events that were not released yet. */
  get lagging(): readonly Stream[] {
    return [...this.#streams].filter((stream) => stream.buffer.length > stream.released);
  }

  /** Sends the request to the server; resolves when its sender has the answer. */
  async deliver(pending: Pending, fate: Fate): Promise<void> {
    this.pending.splice(this.pending.indexOf(pending), 1);
    const { request, signal, answer } = pending;
    const transport = this.#transports.get(pending) ?? this.#options.transport;
    if (signal.aborted) return answer.reject(signal.reason);
    if (fate === "refused") return answer.reject(this.#refusal(request));
    try {
      const response = await transport.request(request, signal);
      if (fate === "ok") {
        this.#options.onAnswered(request, response);
        return answer.resolve(response);
      }
      this.#options.onAmbiguous(request);
      answer.reject(this.#loss());
    } catch (err) {
      answer.reject(err);
    }
  }

  release(stream: Stream, count: number): void {
    stream.released = Math.min(stream.buffer.length, stream.released + count);
    stream.wake?.();
  }

  /** Ends one watch, as a server or a proxy in between does; what was not released must come again with the next one. */
  drop(stream: Stream, failure: unknown): void {
    stream.buffer.length = stream.released;
    stream.isEnded = true;
    stream.failure = failure;
    stream.wake?.();
  }

  /** Nothing gets through any more: the process is gone. */
  cut(): void {
    this.#isCut = true;
    for (const { answer } of this.pending.splice(0)) answer.reject(new Error("The process ended"));
    for (const stream of this.#streams) this.drop(stream, undefined);
  }

  readonly #transports = new WeakMap<Pending, Transport>();

  #request(transport: Transport, request: Request, signal: AbortSignal): Promise<Response> {
    if (this.#isCut) return Promise.reject(new Error("The process ended"));
    if (request.method !== "GET" && isEvent(request.path)) return writeEvent(request);
    this.#options.onIssued(request);
    const isRead = request.method === "GET";
    const gated = !isRead || (this.#options.isFaulty() && this.#options.random.chance(READ_GATED));
    if (!gated) return transport.request(request, signal);
    const pending: Pending = { request, signal, answer: Promise.withResolvers() };
    this.#transports.set(pending, transport);
    this.pending.push(pending);
    return pending.answer.promise;
  }

  async *#watch(transport: Transport, request: Request, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    if (this.#isCut) throw new Error("The process ended");
    const stop = new AbortController();
    const ended = AbortSignal.any([signal, stop.signal]);
    const stream: Stream = {
      path: request.path,
      buffer: [],
      released: 0,
      isGated: request.query?.["sendInitialEvents"] !== true,
      isEnded: false,
      failure: undefined,
      wake: undefined,
    };
    this.#streams.add(stream);
    const onAbort = (): void => stream.wake?.();
    signal.addEventListener("abort", onAbort, { once: true });
    const pumping = pump(stream, transport.watch(request, ended));
    try {
      for (;;) {
        const events = stream.buffer.splice(0, stream.released);
        stream.released = 0;
        yield* events;
        if (stream.released > 0) continue;
        if (stream.isEnded && stream.buffer.length === 0) break;
        if (signal.aborted) return;
        await new Promise<void>((resolve) => (stream.wake = resolve));
      }
      if (stream.failure !== undefined) throw stream.failure;
    } finally {
      this.#streams.delete(stream);
      signal.removeEventListener("abort", onAbort);
      stop.abort();
      await pumping;
    }
  }

  #refusal(request: Request): Error {
    const { random } = this.#options;
    const isUpdate = request.method === "PUT" || request.method === "PATCH";
    const reasons = ["InternalError", "TooManyRequests", "ServiceUnavailable", "Timeout"] as const;
    if (isUpdate && random.chance(0.5))
      return new StatusError(
        "Conflict",
        "the object has been modified; please apply your changes to the latest version",
      );
    return new StatusError(random.pick(reasons), "the simulation refused the request");
  }

  #loss(): Error {
    const { random } = this.#options;
    if (random.chance(0.5)) return Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
    return new StatusError(
      random.pick(["Timeout", "InternalError"] as const),
      "the simulation lost the answer",
    );
  }
}

/** Nobody keeps events: each is made anew, since those before have expired. */
function writeEvent({ method, body }: Request): Promise<Response> {
  if (method === "POST") return Promise.resolve({ status: 201, headers: {}, body });
  return Promise.reject(new StatusError("NotFound", "the event has expired"));
}

/** Fills the buffer until the real watch ends. */
async function pump(stream: Stream, events: AsyncIterable<WatchEvent>): Promise<void> {
  try {
    for await (const event of events) {
      if (stream.isEnded) return;
      stream.buffer.push(event);
      if (stream.isGated && !isHeartbeat(stream.path)) continue;
      stream.released = stream.buffer.length;
      // The first list is whole: from here on the cache may lag.
      if (event.type === "BOOKMARK") stream.isGated = true;
      stream.wake?.();
    }
  } catch (err) {
    stream.failure = err;
  } finally {
    stream.isEnded = true;
    stream.released = stream.buffer.length;
    stream.wake?.();
  }
}
