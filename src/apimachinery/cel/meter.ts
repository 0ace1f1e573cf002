/** What an evaluation costs, and the most it may. @module */

/** Steps of one expression; upstream's PerCallLimit. */
export const PER_CALL_COST_MAX = 1_000_000;

/** Not to be absorbed as errors of an expression are. */
export class CostExceeded extends Error {
  constructor() {
    super("operation cancelled: actual cost limit exceeded");
  }
}

/** Counts one evaluation. */
export class Meter {
  readonly limit: number;
  spent = 0;

  constructor(limit: number = PER_CALL_COST_MAX) {
    this.limit = limit;
  }

  /** Throws CostExceeded. */
  spend(cost: number): void {
    this.spent += cost;
    if (this.spent > this.limit) throw new CostExceeded();
  }
}
