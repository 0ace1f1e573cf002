/** Gives others their turn: long loops say how much they did, and wait a moment when it was much. @module */
import { setImmediate } from "node:timers/promises";

/** Endpoints planned or compared, at a microsecond or less: a turn is a few milliseconds. */
const UNITS_PER_TURN = 2_500;
/** What a service costs besides its endpoints. */
export const SERVICE_UNITS = 15;

export class Turns {
  #left = UNITS_PER_TURN;

  async spend(units: number): Promise<void> {
    this.#left -= units;
    if (this.#left > 0) return;
    this.#left = UNITS_PER_TURN;
    await setImmediate();
  }
}
