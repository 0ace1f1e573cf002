/** What the table holds for one port of a service, and how it comes to hold what a new plan wants: by elements, as few as differ. @module */
import { slotText } from "./nftables/dialect.ts";
import { AFFINITY_SLOTS, choicesMap, liveSet } from "./nftables/objects.ts";
import type { Transaction } from "./nftables/transaction.ts";
import { POOLS, type Frontend, type PoolName, type PortPlan } from "./plan.ts";
import { Pool, type PoolChange } from "./pool.ts";
import { inSteps } from "./turns.ts";
import { membersOf, verdictsOf, type Verdict } from "./verdicts.ts";

type Changes = Readonly<Record<PoolName, readonly PoolChange[]>>;

interface Published {
  readonly frontend: Frontend;
  readonly verdicts: readonly Verdict[];
}

export class PortState {
  readonly #pools: Readonly<Record<PoolName, Pool>> = { cluster: new Pool(), local: new Pool() };
  /** By keys of frontends. */
  readonly #published = new Map<string, Published>();
  readonly #slots = new Map<string, number>();

  /** With session affinity: endpoint -> slot. */
  get slots(): ReadonlyMap<string, number> {
    return this.#slots;
  }

  /**
   * `frontends` are those of the plan that no other service has. A state whose plan lost or got affinity must not be used on. Yields
   * how many endpoints it has looked at since it last did.
   */
  *update(plan: PortPlan, frontends: readonly Frontend[], tx: Transaction): Generator<number, void> {
    const wanted = new Map(frontends.map((frontend) => [frontend.key, frontend]));
    const isAffine = plan.affinitySeconds !== undefined;
    for (const [key, published] of this.#published) {
      const next = wanted.get(key);
      if (next !== undefined && sameMembers(published.frontend, next, plan.protocol)) continue;
      yield* this.#withdraw(plan, published, tx);
    }
    const sizesBefore = this.#sizes();
    const changes: Changes = {
      cluster: yield* this.#pools.cluster.update(plan.pools.cluster),
      local: yield* this.#pools.local.update(plan.pools.local),
    };
    if (isAffine) yield* this.#updateSlots(plan, sizesBefore, changes, tx);
    for (const frontend of frontends) yield* this.#publish(plan, frontend, changes, tx);
  }

  remove(plan: PortPlan, tx: Transaction): Generator<number, void> {
    return this.update({ ...plan, pools: { cluster: new Set(), local: new Set() }, frontends: [] }, [], tx);
  }

  #sizes(): Readonly<Record<PoolName, number>> {
    return { cluster: this.#pools.cluster.members.length, local: this.#pools.local.members.length };
  }

  *#publish(plan: PortPlan, frontend: Frontend, changes: Changes, tx: Transaction): Generator<number, void> {
    const { key, shortKey } = frontend;
    const old = this.#published.get(key);
    if (plan.affinitySeconds === undefined) {
      for (const [map, pool] of membersOf(frontend, plan.protocol)) {
        if (old !== undefined) yield* amend(map, shortKey, changes[pool], tx);
        else
          yield* inSteps(this.#pools[pool].members.entries(), ([index, member]) =>
            tx.script.add(map, `${shortKey} . ${index} : ${member}`),
          );
      }
    }
    const verdicts = verdictsOf(plan, frontend, this.#sizes(), tx.content.options);
    amendVerdicts(key, old?.verdicts ?? [], verdicts, tx);
    this.#published.set(key, { frontend, verdicts });
    yield 1;
  }

  *#withdraw(plan: PortPlan, { frontend, verdicts }: Published, tx: Transaction): Generator<number, void> {
    const { key, shortKey } = frontend;
    if (plan.affinitySeconds === undefined) {
      for (const [map, pool] of membersOf(frontend, plan.protocol))
        yield* inSteps(this.#pools[pool].members.keys(), (index) =>
          tx.script.delete(map, `${shortKey} . ${index}`),
        );
    }
    amendVerdicts(key, verdicts, [], tx);
    this.#published.delete(key);
    yield 1;
  }

  *#updateSlots(
    plan: PortPlan,
    sizesBefore: Readonly<Record<PoolName, number>>,
    changes: Changes,
    tx: Transaction,
  ): Generator<number, void> {
    const { script } = tx;
    for (const pool of POOLS) {
      const choices = choicesMap({ id: plan.id, pool });
      const live = liveSet({ id: plan.id, pool });
      const size = this.#pools[pool].members.length;
      if (sizesBefore[pool] === 0 && size > 0) for (const object of [choices, live]) tx.use(object);
      if (sizesBefore[pool] > 0 && size === 0) for (const object of [choices, live]) tx.release(object);
      // one that has only moved to another number did not go
      const went = new Set<string>();
      const came = new Set<string>();
      yield* inSteps(changes[pool], ({ before, after }) => {
        if (before !== undefined) went.add(before);
        if (after !== undefined) came.add(after);
      });
      yield* inSteps(came, (member) => {
        if (!went.has(member)) script.add(live.name, slotText(this.#slotOf(member, tx)));
      });
      yield* inSteps(went, (member) => {
        if (!came.has(member)) script.delete(live.name, slotText(this.#slots.get(member)!));
      });
      yield* inSteps(changes[pool], ({ index, before, after }) => {
        if (before !== undefined) script.delete(choices.name, String(index));
        if (after === undefined) return;
        script.add(choices.name, `${index} : ${slotText(this.#slots.get(after)!)}`);
      });
    }
    yield* inSteps(this.#slots, ([member, slot]) => {
      if (plan.pools.cluster.has(member) || plan.pools.local.has(member)) return;
      this.#slots.delete(member);
      script.delete(AFFINITY_SLOTS, slotText(slot));
    });
  }

  #slotOf(member: string, tx: Transaction): number {
    const known = this.#slots.get(member);
    if (known !== undefined) return known;
    const slot = tx.content.takeSlot();
    this.#slots.set(member, slot);
    tx.script.add(AFFINITY_SLOTS, `${slotText(slot)} : ${member}`);
    return slot;
  }
}

/** Whether what is in the maps of endpoints for the one is right for the other, but for what has changed in the pools. */
function sameMembers(a: Frontend, b: Frontend, protocol: string): boolean {
  const [before, after] = [membersOf(a, protocol), membersOf(b, protocol)];
  return (
    before.length === after.length &&
    before.every(([map, pool], i) => map === after[i]![0] && pool === after[i]![1])
  );
}

function amend(
  map: string,
  key: string,
  changes: readonly PoolChange[],
  { script }: Transaction,
): Generator<number, void> {
  return inSteps(changes, ({ index, before, after }) => {
    if (before === after) return;
    if (before !== undefined) script.delete(map, `${key} . ${index}`);
    if (after !== undefined) script.add(map, `${key} . ${index} : ${after}`);
  });
}

function amendVerdicts(
  key: string,
  before: readonly Verdict[],
  after: readonly Verdict[],
  tx: Transaction,
): void {
  for (const { map, value, object } of after) {
    if (before.some((old) => old.map === map && old.value === value)) continue;
    if (object !== undefined) tx.use(object);
    tx.script.add(map, `${key} : ${value}`);
  }
  for (const { map, value, object } of before) {
    if (after.some((next) => next.map === map && next.value === value)) continue;
    tx.script.delete(map, key);
    if (object !== undefined) tx.release(object);
  }
}
