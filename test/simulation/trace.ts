/** What a simulation did: a running hash of everything, and the last steps in words. @module */
import { createHash, type Hash } from "node:crypto";

const LAST_MAX = 40;

export class Trace {
  readonly last: string[] = [];
  readonly #hash: Hash = createHash("sha256");
  readonly #onLine: ((line: string) => void) | undefined;

  constructor(onLine: ((line: string) => void) | undefined) {
    this.#onLine = onLine;
  }

  add(line: string): void {
    this.#hash.update(line).update("\n");
    this.#onLine?.(line);
    this.last.push(line);
    if (this.last.length > LAST_MAX) this.last.shift();
  }

  digest(): string {
    return this.#hash.copy().digest("hex");
  }
}
