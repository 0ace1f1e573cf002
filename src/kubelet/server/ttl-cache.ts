/** A bounded map whose entries expire; the least recently used one goes first. @module */
import type { Clock } from "#apimachinery";

export class TtlCache<V> {
  readonly #clock: Clock;
  readonly #max: number;
  /** In order of use. */
  readonly #entries = new Map<string, { readonly value: V; readonly expiresAtMs: number }>();

  constructor(clock: Clock, max: number) {
    this.#clock = clock;
    this.#max = max;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.expiresAtMs <= this.#clock.monotonicMs()) return undefined;
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: V, ttlMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, expiresAtMs: this.#clock.monotonicMs() + ttlMs });
    if (this.#entries.size > this.#max) this.#entries.delete(this.#entries.keys().next().value!);
  }
}
