/** Names of Events: the object's, and the time in nanoseconds. @module */
import type { Clock } from "#apimachinery";

const NS_PER_MS = 1_000_000;
const EVENT_NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
const NAME_LENGTH_MAX = 253;

export class EventNames {
  readonly #clock: Clock;
  /** Below the millisecond, so that events of one moment have different names. */
  #sequence: number;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#sequence = Math.floor(random() * NS_PER_MS);
  }

  /** `OBJECT.NANOSECONDS` in hexadecimal, as upstream; kubectl sorts by nothing in it. */
  next(objectName: string): string {
    this.#sequence = (this.#sequence + 1) % NS_PER_MS;
    const ns = BigInt(Math.floor(this.#clock.now())) * BigInt(NS_PER_MS) + BigInt(this.#sequence);
    const name = `${objectName}.${ns.toString(16)}`;
    if (name.length <= NAME_LENGTH_MAX && EVENT_NAME.test(name)) return name;
    // Names of some kinds (RBAC) are not names of events.
    return `event.${ns.toString(16)}`;
  }
}
