/** What rules may cost: every step of an evaluation is counted, so that no rule holds the server. @module */

/** Steps of one rule; upstream's PerCallLimit. */
export const PER_RULE_COST_MAX = 1_000_000;
/** Steps of all rules of one object; upstream's RuntimeCELCostBudget. */
export const PER_OBJECT_COST_MAX = 10_000_000;

export class CostExceeded extends Error {
  constructor() {
    super("operation cancelled: actual cost limit exceeded");
  }
}

/** Counts one evaluation. It stays exhausted: `all` and `exists` go on after an error, but get nothing done. */
export class Budget {
  #left: number;
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
    this.#left = max;
  }

  get spent(): number {
    return this.#max - this.#left;
  }

  get isExhausted(): boolean {
    return this.#left < 0;
  }

  spend(cost: number): void {
    this.#left -= cost;
    if (this.#left < 0) throw new CostExceeded();
  }
}
