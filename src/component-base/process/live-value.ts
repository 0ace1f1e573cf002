/** A value that changes while the process runs, and those who are told. @module */

/** What readers see: `current` is to be read at every use, or `follow`ed. */
export interface Live<T> {
  readonly current: T;
  /** Calls `listener` after every change until `signal` aborts. */
  follow(listener: (now: T) => void, signal: AbortSignal): void;
}

export class LiveValue<T> implements Live<T> {
  #current: T;
  readonly #listeners = new Set<(now: T) => void>();

  constructor(first: T) {
    this.#current = first;
  }

  get current(): T {
    return this.#current;
  }

  set(next: T): void {
    this.#current = next;
    for (const listener of this.#listeners) listener(next);
  }

  follow(listener: (now: T) => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }
}

/** A part of another value; its followers hear of it when the part has changed. */
export function derived<T, Part>(
  whole: Live<T>,
  partOf: (whole: T) => Part,
  signal: AbortSignal,
): Live<Part> {
  const part = new LiveValue(partOf(whole.current));
  let known = JSON.stringify(part.current);
  whole.follow((now) => {
    const next = partOf(now);
    const text = JSON.stringify(next);
    if (text === known) return;
    known = text;
    part.set(next);
  }, signal);
  return part;
}
