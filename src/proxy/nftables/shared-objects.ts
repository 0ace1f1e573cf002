/** Counts who needs which chain, map and set of a table: the first user makes it, and the last one removes it. @module */
import type { NftObject } from "./objects.ts";
import type { Script } from "./script.ts";

export class SharedObjects {
  readonly #users = new Map<string, number>();

  /** All that a transaction uses must be used before anything of it is released: what is needed again is not made twice. */
  use(object: NftObject, script: Script): void {
    const users = this.#users.get(object.name) ?? 0;
    this.#users.set(object.name, users + 1);
    if (users > 0) return;
    for (const needed of object.needs) this.use(needed, script);
    script.make(object);
  }

  release(object: NftObject, script: Script): void {
    const users = this.#users.get(object.name)! - 1;
    if (users > 0) {
      this.#users.set(object.name, users);
      return;
    }
    this.#users.delete(object.name);
    script.remove(object);
    for (const needed of object.needs) this.release(needed, script);
  }
}
