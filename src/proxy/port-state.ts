/** What the table holds for one port of a service, and how it comes to hold what a new plan wants: by elements, as few as differ. @module */
import { slotText } from "./nftables/dialect.ts";
import { choicesMap, liveSet } from "./nftables/objects.ts";
import type { Transaction } from "./nftables/transaction.ts";
import { POOLS, type Frontend, type PoolName, type PortPlan } from "./plan.ts";
import { Pool, type PoolChange } from "./pool.ts";
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
  /** With session affinity: endpoint -> slot. */
  readonly #slots = new Map<string, number>();

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
      yield this.#withdraw(plan, published, tx);
    }
    const sizesBefore = this.#sizes();
    const changes: Changes = {
      cluster: this.#pools.cluster.update(plan.pools.cluster),
      local: this.#pools.local.update(plan.pools.local),
    };
    const looked = plan.pools.cluster.size + plan.pools.local.size;
    yield looked;
    if (isAffine) yield* this.#updateSlots(plan, sizesBefore, changes, tx);
    for (const frontend of frontends) yield this.#publish(plan, frontend, changes, tx);
  }

  remove(plan: PortPlan, tx: Transaction): Generator<number, void> {
    return this.update({ ...plan, pools: { cluster: new Set(), local: new Set() }, frontends: [] }, [], tx);
  }

  #sizes(): Readonly<Record<PoolName, number>> {
    return { cluster: this.#pools.cluster.members.length, local: this.#pools.local.members.length };
  }

  #publish(plan: PortPlan, frontend: Frontend, changes: Changes, tx: Transaction): number {
    const { key, shortKey } = frontend;
    const old = this.#published.get(key);
    if (plan.affinitySeconds === undefined) {
      for (const [map, pool] of membersOf(frontend, plan.protocol)) {
        if (old !== undefined) amend(map, shortKey, changes[pool], tx);
        else
          for (const [index, member] of this.#pools[pool].members.entries())
            tx.script.add(map, `${shortKey} . ${index} : ${member}`);
      }
    }
    const verdicts = verdictsOf(plan, frontend, this.#sizes(), tx.content.options);
    amendVerdicts(key, old?.verdicts ?? [], verdicts, tx);
    this.#published.set(key, { frontend, verdicts });
    return old === undefined ? plan.pools.cluster.size : 1;
  }

  #withdraw(plan: PortPlan, { frontend, verdicts }: Published, tx: Transaction): number {
    const { key, shortKey } = frontend;
    if (plan.affinitySeconds === undefined) {
      for (const [map, pool] of membersOf(frontend, plan.protocol))
        for (const index of this.#pools[pool].members.keys()) tx.script.delete(map, `${shortKey} . ${index}`);
    }
    amendVerdicts(key, verdicts, [], tx);
    this.#published.delete(key);
    return this.#pools.cluster.members.length;
  }

  *#updateSlots(
    plan: PortPlan,
    sizesBefore: Readonly<Record<PoolName, number>>,
    changes: Changes,
    tx: Transaction,
  ): Generator<number, void> {
    for (const pool of POOLS) {
      const choices = choicesMap({ id: plan.id, pool });
      const live = liveSet({ id: plan.id, pool });
      const size = this.#pools[pool].members.length;
      if (sizesBefore[pool] === 0 && size > 0) for (const object of [choices, live]) tx.use(object);
      if (sizesBefore[pool] > 0 && size === 0) for (const object of [choices, live]) tx.release(object);
      const came = new Set(changes[pool].flatMap(({ after }) => after ?? []));
      const went = new Set(changes[pool].flatMap(({ before }) => before ?? []));
      for (const member of came.difference(went))
        tx.script.add(live.name, slotText(this.#slotOf(member, tx)));
      for (const member of went.difference(came))
        tx.script.delete(live.name, slotText(this.#slots.get(member)!));
      const slots = changes[pool].map(({ index, before, after }) => ({
        index,
        before,
        after: after === undefined ? undefined : slotText(this.#slots.get(after)!),
      }));
      for (const { index, before, after } of slots) {
        if (before !== undefined) tx.script.delete(choices.name, String(index));
        if (after !== undefined) tx.script.add(choices.name, `${index} : ${after}`);
      }
      yield size;
    }
    for (const [member, slot] of this.#slots) {
      if (plan.pools.cluster.has(member) || plan.pools.local.has(member)) continue;
      this.#slots.delete(member);
      tx.script.delete("affinity-slots", slotText(slot));
    }
  }

  #slotOf(member: string, tx: Transaction): number {
    const known = this.#slots.get(member);
    if (known !== undefined) return known;
    const slot = tx.content.takeSlot();
    this.#slots.set(member, slot);
    tx.script.add("affinity-slots", `${slotText(slot)} : ${member}`);
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

function amend(map: string, key: string, changes: readonly PoolChange[], { script }: Transaction): void {
  for (const { index, before, after } of changes) {
    if (before === after) continue;
    if (before !== undefined) script.delete(map, `${key} . ${index}`);
    if (after !== undefined) script.add(map, `${key} . ${index} : ${after}`);
  }
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
