/** The current state of one resource, its recent history, and the watchers of both. @module */
import { StatusError } from "#apimachinery";
import type { Change } from "#storage";
import { CacheEvent } from "./cache-event.ts";
import { CachedObject, type ObjectLayout } from "./cached-object.ts";
import { ObjectIndex } from "./object-index.ts";
import { EVERYTHING, isSelected, type Selection } from "./selection.ts";
import { SortedMap } from "./sorted-map.ts";
import type { Watcher } from "./watcher.ts";

/** Changes whose lines are kept: who falls behind further has them made anew, which costs less than all of them in memory. */
const LINES_MAX = 256;

export interface ResourceCacheOptions {
  readonly layout: ObjectLayout;
  readonly historyMax: number;
  /** The field that is looked up instead of scanned for: kubelets ask for `spec.nodeName`. */
  readonly indexedField?: string;
}

export class ResourceCache {
  readonly #objects = new SortedMap<CachedObject>();
  readonly #index: ObjectIndex | undefined;
  readonly #watchers = new Set<Watcher>();
  /** Of objects that became unreadable: how they were. */
  readonly #lastReadable = new Map<string, CachedObject>();
  readonly #historyMax: number;
  #unreadable = 0;
  #layout: ObjectLayout;
  /** Oldest first; trimmed in blocks, so that a change costs no shift of the whole. */
  #history: CacheEvent[] = [];
  /** Watches may begin at this revision or later. */
  #oldest: number;
  /** Revision of the last change. */
  #lastChange: number;
  #changes = 0;

  constructor(options: ResourceCacheOptions, loadedAt: number) {
    this.#layout = options.layout;
    this.#historyMax = options.historyMax;
    this.#oldest = loadedAt;
    this.#lastChange = loadedAt;
    if (options.indexedField !== undefined) this.#index = new ObjectIndex(options.indexedField);
  }

  get layout(): ObjectLayout {
    return this.#layout;
  }

  /** Takes another set of selectable fields; objects that were read through the old one are read again. */
  relayout(layout: ObjectLayout): void {
    const before = Object.keys(this.#layout.selectableFields).join();
    if (before === Object.keys(layout.selectableFields).join()) return;
    this.#layout = layout;
    for (const object of this.#objects.range("")) this.#objects.set(object.as(layout));
  }

  get size(): number {
    return this.#objects.size;
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  get lastChange(): number {
    return this.#lastChange;
  }

  /** Counts changes; what was read at this number is still so while it stays. */
  get changes(): number {
    return this.#changes;
  }

  get indexedField(): string | undefined {
    return this.#index?.field;
  }

  get(key: string): CachedObject | undefined {
    return this.#objects.get(key);
  }

  /** Some object cannot be read. */
  get hasUnreadable(): boolean {
    return this.#unreadable > 0;
  }

  /** Every object that is selected, in order of keys, after `startAfter`. */
  list(selection: Selection = EVERYTHING, startAfter = ""): CachedObject[] {
    if (selection.key !== undefined) {
      const object = this.#objects.get(selection.key);
      const isListed = object !== undefined && object.key > startAfter && isSelected(selection, object);
      return isListed ? [object] : [];
    }
    if (selection.indexed !== undefined && this.#index !== undefined && startAfter === "") {
      return this.#index.get(selection.indexed).filter((object) => isSelected(selection, object));
    }
    const { matches, prefix } = selection;
    const found = this.#objects.range(prefix, startAfter);
    return matches === undefined ? found : found.filter((object) => matches(object));
  }

  /** Objects from the first load, which no watcher has to be told of. */
  load(object: CachedObject): void {
    this.#count(this.#objects.get(object.key), object);
    this.#objects.set(object);
    this.#index?.replace(undefined, object);
  }

  /** A committed change, in order of revisions; `object` is its new state when the writer made it in this process. */
  apply(key: string, change: Change, object: CachedObject | undefined): void {
    const previous = this.#objects.get(key);
    this.#lastChange = change.revision;
    this.#changes++;
    if (change.value === undefined) {
      if (previous === undefined) return;
      this.#objects.delete(key);
      this.#count(previous, undefined);
      this.#index?.replace(previous, undefined);
      if (previous.isUnreadable) return this.#deleteUnreadable(key, change.revision);
      this.#publish(new CacheEvent("DELETED", previous.at(change.revision), previous));
      return;
    }
    const current = object ?? new CachedObject(key, change.revision, change.value, this.layout);
    this.#objects.set(current);
    this.#count(previous, current);
    this.#index?.replace(previous, current);
    if (current.isUnreadable) {
      if (previous?.isUnreadable === false) this.#lastReadable.set(key, previous);
      return this.#endWatches();
    }
    this.#lastReadable.delete(key);
    const before = previous?.isUnreadable === true ? undefined : previous;
    this.#publish(new CacheEvent(before === undefined ? "ADDED" : "MODIFIED", current, before));
  }

  #count(previous: CachedObject | undefined, current: CachedObject | undefined): void {
    if (previous?.isUnreadable === true) this.#unreadable--;
    if (current?.isUnreadable === true) this.#unreadable++;
  }

  /** A change that nobody can be told of: whoever watches has to begin anew, and learns why that does not work. */
  #endWatches(): void {
    this.#oldest = this.#lastChange;
    this.#history = [];
    // Who follows begins anew at once, and must not be met again.
    const stopped = [...this.#watchers];
    for (const watcher of stopped) watcher.stop();
  }

  /** Those who follow, and went on, are told of the object as they knew it. */
  #deleteUnreadable(key: string, revision: number): void {
    this.#endWatches();
    const known = this.#lastReadable.get(key);
    if (known === undefined) return;
    this.#lastReadable.delete(key);
    this.#publish(new CacheEvent("DELETED", known.at(revision), known));
  }

  /** Changes after `revision`, oldest first; `Expired` when they are no longer all here. */
  since(revision: number): readonly CacheEvent[] | StatusError {
    if (revision < this.#oldest) {
      return new StatusError("Expired", `too old resource version: ${revision} (${this.#oldest})`);
    }
    return this.#history.slice(this.#countUntil(revision));
  }

  /** Watches may no longer begin before `revision`. */
  compact(revision: number): void {
    if (revision <= this.#oldest) return;
    this.#oldest = revision;
    this.#history = this.#history.slice(this.#countUntil(revision));
  }

  addWatcher(watcher: Watcher): void {
    this.#watchers.add(watcher);
  }

  removeWatcher(watcher: Watcher): void {
    this.#watchers.delete(watcher);
  }

  watchers(): Iterable<Watcher> {
    return this.#watchers;
  }

  /** Events of the history up to and with `revision`. */
  #countUntil(revision: number): number {
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#history[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #publish(event: CacheEvent): void {
    this.#history.push(event);
    this.#history.at(-LINES_MAX - 1)?.forgetLines();
    if (this.#history.length >= this.#historyMax * 2) {
      this.#oldest = this.#history[this.#history.length - this.#historyMax - 1]!.revision;
      this.#history = this.#history.slice(-this.#historyMax);
    }
    for (const watcher of this.#watchers) watcher.offer(event);
  }
}
