/** Growing delays with jitter. @module */

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Each delay is drawn from [d, d * (1 + jitter)). Default 1, as upstream. */
  readonly jitter?: number;
  readonly random: () => number;
}

/** Doubles from `initialMs` to `maxMs`; `reset` starts anew. */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  nextMs(): number {
    const { initialMs, maxMs, jitter = 1, random } = this.#options;
    const delayMs = Math.min(initialMs * 2 ** this.#failures, maxMs);
    if (delayMs < maxMs) this.#failures++;
    return delayMs * (1 + jitter * random());
  }

  reset(): void {
    this.#failures = 0;
  }
}
