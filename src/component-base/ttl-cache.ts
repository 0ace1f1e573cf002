/** A bounded map whose entries expire; the least recently used one goes first. @module */

export class TtlCache<V> {
  readonly #now: () => number;
  readonly #max: number;
  /** In order of use. */
  readonly #entries = new Map<string, { readonly value: V; readonly expiresAtMs: number }>();

  /** `now`, in milliseconds: of the day where entries end with something that has a date, else monotonic. */
  constructor(now: () => number, max: number) {
    this.#now = now;
    this.#max = max;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.expiresAtMs <= this.#now()) return undefined;
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: V, ttlMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, expiresAtMs: this.#now() + ttlMs });
    if (this.#entries.size > this.#max) this.#entries.delete(this.#entries.keys().next().value!);
  }
}
