/** A transport for tests that plays a script: one step per request, in order. @module */
import type { KubeObject, WatchEvent } from "#apimachinery";
import type { Request, Response, Transport } from "./transport.ts";

export interface Step {
  /** `METHOD path?query` the request must be; parts in the order of the query. Absent: anything. */
  readonly expect?: string;
  /** Body of the answer. */
  readonly body?: unknown;
  /** Answer (or end the watch) with this failure, after the events. */
  readonly error?: Error;
  readonly events?: readonly WatchEvent[];
  /** Keep the watch open after its events; `push` adds more. */
  readonly open?: boolean;
}

/** Requests beyond the script wait until their signal aborts. */
export class ScriptedTransport implements Transport {
  readonly requests: string[] = [];
  readonly sent: Request[] = [];
  readonly #steps: Step[];
  #live: ((event: WatchEvent | Error | undefined) => void) | undefined;
  /** Failed expectations: a reflector would only log them. */
  readonly mismatches: string[] = [];

  constructor(steps: readonly Step[]) {
    this.#steps = [...steps];
  }

  get remaining(): number {
    return this.#steps.length;
  }

  async request(request: Request, signal: AbortSignal): Promise<Response> {
    const step = await this.#next(request, signal);
    if (step.error !== undefined) throw step.error;
    return { status: 200, headers: {}, body: step.body };
  }

  async *watch(request: Request, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const step = await this.#next(request, signal);
    for (const event of step.events ?? []) yield event;
    if (step.error !== undefined) throw step.error;
    while (step.open === true) {
      const { promise, resolve } = Promise.withResolvers<WatchEvent | Error | undefined>();
      this.#live = resolve;
      const onAbort = (): void => resolve(undefined);
      signal.addEventListener("abort", onAbort, { once: true });
      const event = await promise;
      signal.removeEventListener("abort", onAbort);
      if (event === undefined) return;
      if (event instanceof Error) throw event;
      yield event;
    }
  }

  /** Not scripted: no test of this component streams through it. */
  stream(): AsyncIterable<Uint8Array> {
    throw new Error("A scripted transport has no streams");
  }

  /** Sends an event to the open watch, ends it (undefined), or breaks it (an error). */
  push(event: WatchEvent | Error | undefined): void {
    if (this.#live === undefined) throw new Error("No watch is open");
    this.#live(event);
  }

  async #next(request: Request, signal: AbortSignal): Promise<Step> {
    const query = Object.entries(request.query ?? {}).filter(([, value]) => value !== undefined);
    const text = query.map(([name, value]) => `${name}=${value}`).join("&");
    const line = `${request.method} ${request.path}${text === "" ? "" : `?${text}`}`;
    this.requests.push(line);
    this.sent.push(request);
    const step = this.#steps.shift();
    if (step === undefined)
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    if (step.expect !== undefined && step.expect !== line)
      this.mismatches.push(`expected ${step.expect}\n     got ${line}`);
    return step;
  }
}

export function testPod(
  name: string,
  resourceVersion: string,
  extra: Partial<KubeObject["metadata"]> = {},
): KubeObject {
  const metadata = { name, namespace: "default", uid: `uid-${name}`, resourceVersion, ...extra };
  return { apiVersion: "v1", kind: "Pod", metadata };
}

/** `+name@rv`, `~name@rv`, `-name@rv`, `^rv` (a bookmark), `$rv` (the bookmark that ends a streamed list). */
export function testEvents(text: string): WatchEvent[] {
  return text.split(" ").map((word) => {
    const [name, resourceVersion] = word.slice(1).split("@") as [string, string];
    if (word[0] === "+") return { type: "ADDED", object: testPod(name, resourceVersion) };
    if (word[0] === "~") return { type: "MODIFIED", object: testPod(name, resourceVersion) };
    if (word[0] === "-") return { type: "DELETED", object: testPod(name, resourceVersion) };
    const annotations = word[0] === "$" ? { "k8s.io/initial-events-end": "true" } : {};
    const metadata = { name: "", resourceVersion: name, annotations };
    return { type: "BOOKMARK", object: { apiVersion: "v1", kind: "Pod", metadata } };
  });
}

/** A list as the API answers it: `name@rv` words. */
export function testList(resourceVersion: string, text: string, next?: string): unknown {
  const words = text === "" ? [] : text.split(" ");
  const items = words.map((word) => testPod(...(word.split("@") as [string, string])));
  const metadata = { resourceVersion, ...(next !== undefined && { continue: next }) };
  return { apiVersion: "v1", kind: "PodList", metadata, items };
}
