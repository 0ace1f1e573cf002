/** Everything a watch told, in order, and a way to wait for what it has yet to tell. @module */
import type { Clock, KubeObject, WatchEvent } from "#apimachinery";

const TIMEOUT_MS = 120_000;
/** Of the events that an error message shows. */
const SHOWN_MAX = 20;

/** Reads its stream at once and until it ends; failures of the stream are thrown by whoever waits next. */
export class WatchRecorder<T extends KubeObject> {
  readonly events: WatchEvent<T>[] = [];
  /** Resolves when the server has closed the watch. */
  readonly ended: Promise<void>;
  readonly #clock: Clock;
  #taken = 0;
  #hasEnded = false;
  #failure: unknown;
  #wake: () => void = () => {};

  constructor(stream: AsyncIterable<WatchEvent<T>>, clock: Clock) {
    this.#clock = clock;
    this.ended = this.#read(stream);
  }

  /** The next event that nobody has taken. */
  next(): Promise<WatchEvent<T>> {
    return this.until("one more event", () => true);
  }

  /** The next event that fits; those before it count as taken. */
  async until(what: string, fits: (event: WatchEvent<T>) => boolean): Promise<WatchEvent<T>> {
    let isOver = false;
    const timer = this.#clock.after(TIMEOUT_MS, () => {
      isOver = true;
      this.#wake();
    });
    try {
      for (;;) {
        while (this.#taken < this.events.length) {
          const event = this.events[this.#taken++]!;
          if (fits(event)) return event;
        }
        if (this.#failure !== undefined)
          throw new Error(`The watch failed before ${what}`, { cause: this.#failure });
        if (this.#hasEnded) throw new Error(`The watch ended before ${what}; it told: ${this.#told()}`);
        if (isOver)
          throw new Error(`Waited ${TIMEOUT_MS} ms in vain for ${what}; told so far: ${this.#told()}`);
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await promise;
      }
    } finally {
      timer.cancel();
    }
  }

  async #read(stream: AsyncIterable<WatchEvent<T>>): Promise<void> {
    try {
      for await (const event of stream) {
        this.events.push(event);
        this.#wake();
      }
    } catch (err) {
      this.#failure = err;
    } finally {
      this.#hasEnded = true;
      this.#wake();
    }
  }

  #told(): string {
    return this.events
      .slice(-SHOWN_MAX)
      .map(({ type, object }) => `${type} ${(object as KubeObject).metadata?.name ?? JSON.stringify(object)}`)
      .join(", ");
  }
}
