/** Objects by the value of one selectable field. @module */
import { compareStrings } from "#apimachinery";
import type { CachedObject } from "./cached-object.ts";

export class ObjectIndex {
  readonly field: string;
  readonly #byValue = new Map<string, Map<string, CachedObject>>();

  constructor(field: string) {
    this.field = field;
  }

  /** In order of keys. */
  get(value: string): readonly CachedObject[] {
    const found = this.#byValue.get(value);
    return found === undefined ? [] : [...found.values()].toSorted((a, b) => compareStrings(a.key, b.key));
  }

  replace(previous: CachedObject | undefined, current: CachedObject | undefined): void {
    const from = previous?.fields[this.field];
    const to = current?.fields[this.field];
    if (previous !== undefined && from !== to) this.#remove(from!, previous.key);
    if (current === undefined) return;
    let bucket = this.#byValue.get(to!);
    if (bucket === undefined) this.#byValue.set(to!, (bucket = new Map()));
    bucket.set(current.key, current);
  }

  #remove(value: string, key: string): void {
    const bucket = this.#byValue.get(value);
    bucket?.delete(key);
    if (bucket?.size === 0) this.#byValue.delete(value);
  }
}
