/** Elements of a set that services share: one is told to the kernel by its first user and forgotten with its last. @module */
import type { Transaction } from "./nftables/transaction.ts";
import { inSteps } from "./turns.ts";

export class SharedElements {
  readonly #set: string;
  readonly #elementOf: (ip: string) => string;
  readonly #users = new Map<string, number>();

  /** `elementOf` writes an address as an element of the set. */
  constructor(set: string, elementOf: (ip: string) => string = (ip) => ip) {
    this.#set = set;
    this.#elementOf = elementOf;
  }

  /** Yields how many addresses it has looked at since it last did. */
  *update(
    before: ReadonlySet<string>,
    after: ReadonlySet<string>,
    { script }: Transaction,
  ): Generator<number, void> {
    yield* inSteps(after, (ip) => {
      if (before.has(ip)) return;
      const users = this.#users.get(ip) ?? 0;
      this.#users.set(ip, users + 1);
      if (users === 0) script.add(this.#set, this.#elementOf(ip));
    });
    yield* inSteps(before, (ip) => {
      if (after.has(ip)) return;
      const users = this.#users.get(ip)! - 1;
      if (users > 0) {
        this.#users.set(ip, users);
        return;
      }
      this.#users.delete(ip);
      script.delete(this.#set, this.#elementOf(ip));
    });
  }
}
