/** How long a refused client is told to wait: longer while a level goes on refusing, shorter when it stops. @module */

const RETRY_AFTER_SECONDS_MAX = 32;
/** So many refusals a second, over the present wait, double it. */
const DROPS_PER_SECOND = 3;

interface Second {
  readonly at: number;
  readonly drops: number;
}

/** Of one priority level. */
export class DroppedRequests {
  #history: readonly Second[] = [];
  #current: Second = { at: 0, drops: 0 };
  #retryAfterSeconds = 1;
  #raisedAt = 0;

  get retryAfterSeconds(): number {
    return this.#retryAfterSeconds;
  }

  record(nowMs: number): void {
    const at = Math.floor(nowMs / 1000);
    if (this.#current.at === at) {
      this.#current = { at, drops: this.#current.drops + 1 };
      return;
    }
    const kept = Math.min(2 * this.#retryAfterSeconds, RETRY_AFTER_SECONDS_MAX);
    this.#history = [...this.#history, this.#current].filter((second) => at - second.at <= kept);
    this.#current = { at, drops: 1 };
    this.#adjust(at);
  }

  #adjust(at: number): void {
    const wait = this.#retryAfterSeconds;
    const drops = this.#history.reduce((sum, second) => sum + (at - second.at <= wait ? second.drops : 0), 0);
    if (at - this.#raisedAt >= wait && drops >= DROPS_PER_SECOND * wait) {
      this.#retryAfterSeconds = Math.min(2 * wait, RETRY_AFTER_SECONDS_MAX);
      this.#raisedAt = at;
    } else if (drops < wait && wait > 1) {
      this.#retryAfterSeconds = wait - 1;
    }
  }
}
