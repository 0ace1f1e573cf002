/**
 * Counts who needs which chain, map and set of a table: the first user makes it, and after the last one it is removed, or kept for
 * the next: a service that is rolled out goes through the same sizes again and again, and to remove a chain costs as much as to change
 * a service.
 * @module
 */
import type { NftObject } from "./objects.ts";
import type { Script } from "./script.ts";

/** The one that nobody has needed for the longest time goes first. */
const IDLE_MAX = 128;

export class SharedObjects {
  readonly #users = new Map<string, number>();
  /** Objects that nobody uses; what they need is still used. */
  readonly #idle = new Map<string, NftObject>();

  /** All that a transaction uses must be used before anything of it is released: what is needed again is not made twice. */
  use(object: NftObject, script: Script): void {
    const { name } = object;
    const users = this.#users.get(name) ?? 0;
    this.#users.set(name, users + 1);
    if (users > 0 || this.#idle.delete(name)) return;
    for (const needed of object.needs) this.use(needed, script);
    script.make(object);
  }

  release(object: NftObject, script: Script): void {
    const { name } = object;
    const users = this.#users.get(name)! - 1;
    if (users > 0) {
      this.#users.set(name, users);
      return;
    }
    this.#users.delete(name);
    if (!object.isLasting) return this.#remove(object, script);
    this.#idle.set(name, object);
    const [oldest] = this.#idle.values();
    if (this.#idle.size <= IDLE_MAX || oldest === undefined) return;
    this.#idle.delete(oldest.name);
    this.#remove(oldest, script);
  }

  #remove(object: NftObject, script: Script): void {
    script.remove(object);
    for (const needed of object.needs) this.release(needed, script);
  }
}
