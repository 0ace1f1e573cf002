/** Endpoints of this node that services share: one is told to the kernel by its first user and forgotten with its last. @module */
import type { Transaction } from "./nftables/transaction.ts";

export class Hairpins {
  readonly #users = new Map<string, number>();

  update(before: ReadonlySet<string>, after: ReadonlySet<string>, { script }: Transaction): void {
    for (const ip of after) {
      if (before.has(ip)) continue;
      const users = this.#users.get(ip) ?? 0;
      this.#users.set(ip, users + 1);
      if (users === 0) script.add("hairpin-connections", `${ip} . ${ip}`);
    }
    for (const ip of before) {
      if (after.has(ip)) continue;
      const users = this.#users.get(ip)! - 1;
      if (users > 0) {
        this.#users.set(ip, users);
        continue;
      }
      this.#users.delete(ip);
      script.delete("hairpin-connections", `${ip} . ${ip}`);
    }
  }
}
