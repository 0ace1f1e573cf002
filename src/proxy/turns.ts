/** Gives others their turn: long loops say how much they did, and wait a moment when it was much. @module */
import { setImmediate } from "node:timers/promises";

/** Endpoints planned or compared, at a microsecond or less: a turn is a millisecond or two, and a few on a slow machine. */
const UNITS_PER_TURN = 1_500;
/** Endpoints between two looks at what is left. */
const STEP = 500;
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

/** Does something to every item, and yields how many it has done since it last did. */
export function* inSteps<T>(items: Iterable<T>, act: (item: T) => void): Generator<number, void> {
  let done = 0;
  for (const item of items) {
    act(item);
    if (++done < STEP) continue;
    yield done;
    done = 0;
  }
  yield done;
}
