/** One watch: what it still has to send, bounded, and how an event of the cache looks through its selector. @module */
import { StatusError } from "#apimachinery";
import type { CachedObject } from "./cached-object.ts";
import { CacheEvent } from "./cache-event.ts";
import { isSelected, type Selection } from "./selection.ts";

export type WatchItem =
  | { readonly type: "event"; readonly event: CacheEvent }
  | { readonly type: "bookmark"; readonly revision: number; readonly initialEventsEnd: boolean }
  | { readonly type: "error"; readonly error: StatusError };

export interface WatcherOptions {
  readonly selection: Selection;
  /** State to tell as ADDED before anything else. */
  readonly initial: readonly CachedObject[];
  /** Send a bookmark with the initial-events-end annotation after `initial`, at this revision. */
  readonly initialEventsEndAt?: number;
  readonly bookmarks: boolean;
  /** Changes up to and with this revision, which may be yet to come, are none of this watch. */
  readonly after?: number;
  readonly backlogBytesMax: number;
  /** Called once when the watcher has left its cache. */
  readonly onStop: (watcher: Watcher) => void;
}

/** Whoever counts watches: each is called once. */
export interface WatcherObserver {
  /** The state that the watch began with was taken, or will not be. */
  readonly onInitialised: () => void;
  readonly onStopped: () => void;
}

/** The owner calls `take` whenever `onReady` fires, and `stop` when its client is gone. */
export class Watcher {
  readonly wantsBookmarks: boolean;
  readonly #options: WatcherOptions;
  #initial: readonly CachedObject[];
  #initialAt = 0;
  #queue: WatchItem[] = [];
  #backlogBytes = 0;
  #isEnded = false;
  #isStopped = false;
  #onReady: (() => void) | undefined;
  #observer: WatcherObserver | undefined;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#initial = options.initial;
    this.wantsBookmarks = options.bookmarks;
    if (options.initialEventsEndAt !== undefined) {
      this.#queue.push({ type: "bookmark", revision: options.initialEventsEndAt, initialEventsEnd: true });
    }
  }

  /** True once nothing more will come; items already there may still be taken. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  get isEmpty(): boolean {
    return this.#initialAt >= this.#initial.length && this.#queue.length === 0;
  }

  /** `callback` is called (at once if need be) when there is something to take or the watcher ends. */
  onReady(callback: () => void): void {
    this.#onReady = callback;
    if (!this.isEmpty || this.#isEnded) callback();
  }

  /** One observer at most; it is called at once for what has happened. */
  observe(observer: WatcherObserver): void {
    this.#observer = observer;
    if (this.#initialAt >= this.#initial.length || this.#isStopped) observer.onInitialised();
    if (this.#isStopped) observer.onStopped();
  }

  /** The cache's side: a change of the resource, in order. */
  offer(event: CacheEvent): void {
    if (this.#isEnded || event.revision <= (this.#options.after ?? 0)) return;
    const seen = throughSelector(this.#options.selection, event);
    if (seen === undefined) return;
    this.#backlogBytes += seen.object.size;
    if (this.#backlogBytes > this.#options.backlogBytesMax) return this.#fallBehind();
    this.#push(seen.item);
  }

  offerBookmark(revision: number): void {
    // A watcher that has events waiting is told where it stands by them.
    if (this.#isEnded || !this.isEmpty) return;
    this.#push({ type: "bookmark", revision, initialEventsEnd: false });
  }

  /** An item that another watcher gave, as it is; for watches that pass on what they are told. */
  forward(item: WatchItem): void {
    if (this.#isEnded) return;
    if (item.type === "event") this.#enqueue(item.event);
    else if (item.type === "error") this.fail(item.error);
    else this.#push(item);
  }

  /** Ends with an ERROR event. */
  fail(error: StatusError): void {
    if (this.#isEnded) return;
    this.#queue.push({ type: "error", error });
    this.stop();
  }

  /** The next items, at most `countMax`; empty when there are none now. */
  take(countMax: number): readonly WatchItem[] {
    if (this.#initialAt < this.#initial.length) {
      const part = this.#initial.slice(this.#initialAt, this.#initialAt + countMax);
      this.#initialAt += part.length;
      if (this.#initialAt >= this.#initial.length) this.#forgetInitial();
      return part.map((object) => ({ type: "event", event: new CacheEvent("ADDED", object, undefined) }));
    }
    if (this.#queue.length <= countMax) {
      const all = this.#queue;
      this.#queue = [];
      this.#backlogBytes = 0;
      return all;
    }
    const part = this.#queue.splice(0, countMax);
    for (const item of part) if (item.type === "event") this.#backlogBytes -= item.event.object.size;
    return part;
  }

  /** Leaves the cache and ends. */
  stop(): void {
    this.#isEnded = true;
    if (!this.#isStopped) {
      this.#isStopped = true;
      this.#options.onStop(this);
      if (this.#initialAt < this.#initial.length) this.#observer?.onInitialised();
      this.#observer?.onStopped();
    }
    this.#onReady?.();
  }

  /** A watch may last an hour; it must not keep the state it began with. */
  #forgetInitial(): void {
    this.#initial = [];
    this.#initialAt = 0;
    this.#observer?.onInitialised();
  }

  #enqueue(event: CacheEvent): void {
    this.#backlogBytes += event.object.size;
    if (this.#backlogBytes <= this.#options.backlogBytesMax) return this.#push({ type: "event", event });
    this.#fallBehind();
  }

  /** Upstream only ends the watch; here its client learns that it must list anew. */
  #fallBehind(): void {
    this.#queue = [];
    this.fail(new StatusError("Expired", "The watch fell too far behind the changes; list again."));
  }

  #push(item: WatchItem): void {
    this.#queue.push(item);
    if (this.#queue.length === 1) this.#onReady?.();
  }
}

/** An object that begins to match is ADDED for this watcher, one that no longer matches DELETED. */
function throughSelector(selection: Selection, event: CacheEvent): CacheEvent | undefined {
  if (event.type === "DELETED")
    return isSelected(selection, event.previous ?? event.object) ? event : undefined;
  const matches = isSelected(selection, event.object);
  const matched = event.previous !== undefined && isSelected(selection, event.previous);
  if (matches) return event.as(matched ? "MODIFIED" : "ADDED");
  return matched ? event.as("DELETED") : undefined;
}
