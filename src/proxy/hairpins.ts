/** Endpoints of this node that services share: one is told to the kernel by its first user and forgotten with its last. @module */
import type { Transaction } from "./nftables/transaction.ts";
import { inSteps } from "./turns.ts";

export class Hairpins {
  readonly #users = new Map<string, number>();

  /** Yields how many endpoints it has looked at since it last did. */
  *update(
    before: ReadonlySet<string>,
    after: ReadonlySet<string>,
    { script }: Transaction,
  ): Generator<number, void> {
    yield* inSteps(after, (ip) => {
      if (before.has(ip)) return;
      const users = this.#users.get(ip) ?? 0;
      this.#users.set(ip, users + 1);
      if (users === 0) script.add("hairpin-connections", `${ip} . ${ip}`);
    });
    yield* inSteps(before, (ip) => {
      if (after.has(ip)) return;
      const users = this.#users.get(ip)! - 1;
      if (users > 0) {
        this.#users.set(ip, users);
        return;
      }
      this.#users.delete(ip);
      script.delete("hairpin-connections", `${ip} . ${ip}`);
    });
  }
}
