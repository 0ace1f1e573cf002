/** Endpoints of one port, numbered from 0 without holes, so that a random number below their count finds one. @module */

/** What stands at a number now, and stood there before; undefined: nothing. */
export interface PoolChange {
  readonly index: number;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export class Pool {
  readonly #members: string[] = [];
  readonly #known = new Set<string>();

  get members(): readonly string[] {
    return this.#members;
  }

  /** One that goes is replaced by a new one or by the last: one change of an endpoint changes two numbers at most. */
  update(wanted: ReadonlySet<string>): readonly PoolChange[] {
    const before = new Map<number, string | undefined>();
    const holes: number[] = [];
    for (const [index, member] of this.#members.entries()) if (!wanted.has(member)) holes.push(index);
    for (const hole of holes) this.#known.delete(this.#members[hole]!);
    const set = (index: number, member: string): void => {
      if (!before.has(index)) before.set(index, this.#members[index]);
      this.#members[index] = member;
    };
    let filled = 0;
    for (const member of wanted) {
      if (this.#known.has(member)) continue;
      this.#known.add(member);
      set(filled < holes.length ? holes[filled++]! : this.#members.length, member);
    }
    const open = new Set(holes.slice(filled));
    for (const hole of open) {
      // the last that is no hole itself moves into the first
      while (open.has(this.#members.length - 1) && this.#members.length - 1 > hole) this.#drop(before);
      if (hole >= this.#members.length) break;
      const last = this.#members.length - 1;
      if (hole < last) set(hole, this.#members[last]!);
      this.#drop(before);
    }
    return [...before].map(([index, old]) => ({ index, before: old, after: this.#members[index] }));
  }

  #drop(before: Map<number, string | undefined>): void {
    const index = this.#members.length - 1;
    if (!before.has(index)) before.set(index, this.#members[index]);
    this.#members.pop();
  }
}
