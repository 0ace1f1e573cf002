/** Endpoints of one port, numbered from 0 without holes, so that a random number below their count finds one. @module */
import { inSteps } from "./turns.ts";

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

  /**
   * One that goes is replaced by a new one or by the last: one change of an endpoint changes two numbers at most. Yields how many
   * it has looked at since it last did; the pool must not be used until it has ended.
   */
  *update(wanted: ReadonlySet<string>): Generator<number, readonly PoolChange[]> {
    const before = new Map<number, string | undefined>();
    const holes: number[] = [];
    yield* inSteps(this.#members.entries(), ([index, member]) => {
      if (!wanted.has(member)) holes.push(index);
    });
    yield* inSteps(holes, (hole) => this.#known.delete(this.#members[hole]!));
    const set = (index: number, member: string): void => {
      if (!before.has(index)) before.set(index, this.#members[index]);
      this.#members[index] = member;
    };
    let filled = 0;
    yield* inSteps(wanted, (member) => {
      if (this.#known.has(member)) return;
      this.#known.add(member);
      set(filled < holes.length ? holes[filled++]! : this.#members.length, member);
    });
    const open = new Set(holes.slice(filled));
    for (const hole of open) {
      // the last that is no hole itself moves into the first
      while (open.has(this.#members.length - 1) && this.#members.length - 1 > hole) this.#drop(before);
      if (hole >= this.#members.length) break;
      const last = this.#members.length - 1;
      if (hole < last) set(hole, this.#members[last]!);
      this.#drop(before);
    }
    yield open.size;
    const changes: PoolChange[] = [];
    yield* inSteps(before, ([index, old]) =>
      changes.push({ index, before: old, after: this.#members[index] }),
    );
    return changes;
  }

  #drop(before: Map<number, string | undefined>): void {
    const index = this.#members.length - 1;
    if (!before.has(index)) before.set(index, this.#members[index]);
    this.#members.pop();
  }
}
