/** Keeps a target equal to what the API server holds: one list, then a watch, for as long as the signal lives. @module */
import {
  isExpired,
  keyOf,
  reasonOf,
  StatusError,
  type Clock,
  type Kind,
  type KubeObject,
  type Logger,
  type ObjectKey,
  type WatchEvent,
} from "#apimachinery";
import { childAbort } from "./abort.ts";
import { Backoff } from "./backoff.ts";
import type { Client, ListOptions } from "./client.ts";
import { listWhole } from "./list-all.ts";
import { nextTurn, turnIsLong } from "./turn.ts";
import { logFailure } from "./unreachable.ts";

/** What of a kind is reflected; absent parts mean everything. */
export type Scope = Pick<ListOptions, "namespace" | "labelSelector" | "fieldSelector">;

/** Called one at a time, in the order of the changes. */
export interface ReflectorTarget<T extends KubeObject> {
  /** These objects, and no others, exist at `resourceVersion`. */
  replace(objects: Iterable<T>, resourceVersion: string): Promise<void>;
  set(object: T): void;
  delete(object: T): void;
  /** Everything up to here has been seen. */
  seen(resourceVersion: string): void;
}

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: Pick<Client, "list" | "watch">;
  readonly kind: Kind<T>;
  readonly scope: Scope;
  readonly target: ReflectorTarget<T>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Ask for the first list as a stream (`sendInitialEvents`). A server that refuses is listed page by page. */
  readonly watchList: boolean;
}

const INITIAL_EVENTS_END = "k8s.io/initial-events-end";

/** Upstream's: watches are renewed after 5 to 10 minutes, so that load spreads over the servers. */
const WATCH_TIMEOUT_SECONDS_MIN = 300;
/** Upstream's reflector back-off. */
const BACKOFF = { initialMs: 800, maxMs: 30_000 };
/** For a server that does not answer at all: it may be starting beside us, and asking costs it nothing. Becomes the same in the end. */
const CONNECT_BACKOFF = { initialMs: 50, maxMs: 30_000 };
/** A server that says nothing for so long did not understand `sendInitialEvents`. */
const INITIAL_EVENTS_QUIET_MS = 10_000;
/** A watch that ends sooner than this without an event counts as a failure: it must not become a busy loop. */
const SHORT_WATCH_MS = 1_000;
/** Failures after which the same revision may be watched again: the server is busy or gone, not forgetful. */
const TRANSIENT = new Set([
  "TooManyRequests",
  "InternalError",
  "ServiceUnavailable",
  "ServerTimeout",
  "Timeout",
]);
/** How a server says that it does not know `sendInitialEvents`. */
const REFUSED = new Set(["Invalid", "BadRequest", "NotAcceptable", "MethodNotAllowed"]);

/** Resolves when `signal` aborts, and never rejects: failures are logged and tried again. */
export function runReflector<T extends KubeObject>(
  options: ReflectorOptions<T>,
  signal: AbortSignal,
): Promise<void> {
  return new Reflector(options).run(signal);
}

class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #backoff: Backoff;
  readonly #connectBackoff: Backoff;
  #watchList: boolean;
  /** Where the next watch starts; undefined: only a list can tell. */
  #resourceVersion: string | undefined;
  /** Whether the session under way has brought anything; a failure after that is the first of its kind. */
  #progressed = false;
  #expiredInARow = 0;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#backoff = new Backoff({ ...BACKOFF, random: options.random });
    this.#connectBackoff = new Backoff({ ...CONNECT_BACKOFF, random: options.random });
    this.#watchList = options.watchList;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const delayMs = await this.#session(signal);
      if (delayMs === 0 || signal.aborted) continue;
      try {
        await this.#options.clock.sleep(delayMs, signal);
      } catch (err) {
        if (!signal.aborted) throw err;
      }
    }
  }

  /** One list or one watch; returns how long to wait before the next. */
  async #session(signal: AbortSignal): Promise<number> {
    const { clock } = this.#options;
    const startMs = clock.monotonicMs();
    this.#progressed = false;
    try {
      if (this.#resourceVersion !== undefined) await this.#watch(this.#resourceVersion, signal);
      else if (this.#watchList) await this.#streamList(signal);
      else await this.#list(signal);
    } catch (err) {
      return signal.aborted ? 0 : this.#failed(err);
    }
    if (!this.#progressed && clock.monotonicMs() - startMs < SHORT_WATCH_MS) return this.#backoff.nextMs();
    this.#backoff.reset();
    this.#connectBackoff.reset();
    return 0;
  }

  #failed(err: unknown): number {
    const { client, kind, clock, logger } = this.#options;
    if (this.#progressed) this.#backoff.reset();
    const reason = reasonOf(err);
    const listing = this.#resourceVersion === undefined;
    if (listing && this.#watchList && reason !== undefined && REFUSED.has(reason)) {
      this.#watchList = false;
      logger.debug("Server does not stream lists, falling back to pages", { kind: kind.kind, err });
      return 0;
    }
    if (isExpired(err)) {
      this.#resourceVersion = undefined;
      logger.debug("Watch expired, listing again", { kind: kind.kind, err });
      // The first time is ordinary after a pause; a server that expires everything must not be hammered.
      return this.#expiredInARow++ === 0 ? 0 : this.#backoff.nextMs();
    }
    // An answer that waiting will not change: a list tells what is wrong, or starts anew.
    if (reason !== undefined && !TRANSIENT.has(reason)) this.#resourceVersion = undefined;
    if (isTooLargeResourceVersion(err)) this.#resourceVersion = undefined;
    const what = listing ? "Failed to list" : "Watch ended with an error";
    logFailure({ client, clock, logger }, what, { kind: kind.kind, err });
    return reason === undefined ? this.#connectBackoff.nextMs() : this.#backoff.nextMs();
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, kind, scope } = this.#options;
    const list = await listWhole(client, kind, scope, signal);
    await this.#replace(list.items, list.metadata.resourceVersion ?? "");
  }

  async #replace(objects: Iterable<T>, resourceVersion: string): Promise<void> {
    await this.#options.target.replace(objects, resourceVersion);
    this.#resourceVersion = resourceVersion;
    this.#progressed = true;
    // A list that worked ends the row of failures even if the watch on it fails at once.
    this.#backoff.reset();
    this.#connectBackoff.reset();
  }

  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { client, kind, scope } = this.#options;
    const timeoutSeconds = this.#timeoutSeconds();
    const options = { ...scope, resourceVersion, allowWatchBookmarks: true, timeoutSeconds };
    await this.#consume(client.watch(kind, options, signal), undefined, signal);
  }

  /** The first list as a stream of ADDED events up to a marked bookmark; the same watch then goes on. */
  async #streamList(signal: AbortSignal): Promise<void> {
    const { client, kind, scope, clock } = this.#options;
    using stop = childAbort(signal);
    const initial = new Map<ObjectKey, T>();
    let seenMs = clock.monotonicMs();
    let isQuiet = false;
    const check = (): void => {
      if (this.#resourceVersion !== undefined || stop.signal.aborted) return;
      isQuiet = clock.monotonicMs() - seenMs >= INITIAL_EVENTS_QUIET_MS;
      if (isQuiet) stop.abort(new Error(`No event for ${INITIAL_EVENTS_QUIET_MS} ms`));
      else timer = clock.after(INITIAL_EVENTS_QUIET_MS, check);
    };
    let timer = clock.after(INITIAL_EVENTS_QUIET_MS, check);
    const options = {
      ...scope,
      resourceVersion: "",
      resourceVersionMatch: "NotOlderThan" as const,
      sendInitialEvents: true,
      allowWatchBookmarks: true,
      timeoutSeconds: this.#timeoutSeconds(),
    };
    try {
      const events = client.watch(kind, options, stop.signal);
      await this.#consume(events, initial, signal, () => (seenMs = clock.monotonicMs()));
      isQuiet ||= this.#resourceVersion === undefined;
    } catch (err) {
      if (!isQuiet) throw err;
    } finally {
      timer.cancel();
    }
    if (!isQuiet || signal.aborted) return;
    // Ended, or was ended, before the mark.
    this.#watchList = false;
    this.#progressed = true;
    this.#options.logger.debug("Server ended no list by a bookmark, falling back to pages", {
      kind: kind.kind,
    });
  }

  /** Applies events until the watch ends. While `initial` is being filled the target sees nothing. */
  async #consume(
    events: AsyncIterable<WatchEvent<T>>,
    initial: Map<ObjectKey, T> | undefined,
    signal: AbortSignal,
    onEvent?: () => void,
  ): Promise<void> {
    let filling = initial;
    for await (const event of events) {
      if (signal.aborted) return;
      onEvent?.();
      if (event.type === "ERROR") throw StatusError.fromStatus(event.object, event.object.code ?? 500);
      if (filling === undefined) this.#apply(event.type, event.object);
      else if (event.type !== "BOOKMARK") collect(filling, event.type, event.object);
      else if (event.object.metadata.annotations?.[INITIAL_EVENTS_END] === "true") {
        await this.#replace(filling.values(), event.object.metadata.resourceVersion ?? "");
        filling.clear();
        filling = undefined;
      }
      if (turnIsLong()) await nextTurn();
    }
  }

  #apply(type: Exclude<WatchEvent["type"], "ERROR">, object: T): void {
    const { target } = this.#options;
    if (type === "DELETED") target.delete(object);
    else if (type !== "BOOKMARK") target.set(object);
    const { resourceVersion } = object.metadata;
    this.#progressed = true;
    this.#expiredInARow = 0;
    if (resourceVersion === undefined) return;
    this.#resourceVersion = resourceVersion;
    target.seen(resourceVersion);
  }

  #timeoutSeconds(): number {
    return Math.floor(WATCH_TIMEOUT_SECONDS_MIN * (1 + this.#options.random()));
  }
}

function collect<T extends KubeObject>(
  into: Map<ObjectKey, T>,
  type: "ADDED" | "MODIFIED" | "DELETED",
  object: T,
): void {
  if (type === "DELETED") into.delete(keyOf(object));
  else into.set(keyOf(object), object);
}

/** The server lags behind the revision asked for, or was restored from an older one. */
function isTooLargeResourceVersion(err: unknown): boolean {
  return (
    err instanceof StatusError &&
    (err.details?.causes ?? []).some((cause) => cause.reason === "ResourceVersionTooLarge")
  );
}
