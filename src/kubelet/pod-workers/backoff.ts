/** Exponential back-off by key, forgotten after a while without a failure; as client-go's flowcontrol.Backoff. @module */
import type { Clock } from "#apimachinery";

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Without a failure for so long a key is forgotten. Default: twice the maximum. */
  readonly expireMs?: number;
}

interface Entry {
  delayMs: number;
  lastUpdateMs: number;
}

/** Keys kept; the oldest is dropped beyond that, which only makes a retry come early. */
const KEYS_MAX = 10_000;

export class Backoff {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #options: BackoffOptions;

  constructor(clock: Clock, options: BackoffOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** When the wait of `key` that began at `eventMs` ends, if it has not ended yet. */
  waitUntil(key: string, eventMs: number): number | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#expired(entry, eventMs)) return undefined;
    const until = eventMs + entry.delayMs;
    return this.#clock.now() < until ? until : undefined;
  }

  /** The present wait of `key`. */
  delayMs(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0;
  }

  /** Since when `key` waits, for callers whose failures carry no time of their own. */
  lastUpdateMs(key: string): number {
    return this.#entries.get(key)?.lastUpdateMs ?? 0;
  }

  /** Notes a failure: the next wait is twice as long. */
  next(key: string, eventMs: number): void {
    const old = this.#entries.get(key);
    const delayMs =
      old === undefined || this.#expired(old, eventMs)
        ? this.#options.initialMs
        : Math.min(old.delayMs * 2, this.#options.maxMs);
    this.#entries.delete(key);
    this.#entries.set(key, { delayMs, lastUpdateMs: this.#clock.now() });
    if (this.#entries.size > KEYS_MAX) this.#entries.delete(this.#entries.keys().next().value!);
  }

  /** Forgets every key that starts with `prefix`. */
  reset(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  #expired(entry: Entry, eventMs: number): boolean {
    const { maxMs, expireMs = maxMs * 2 } = this.#options;
    return eventMs - entry.lastUpdateMs > expireMs;
  }
}
