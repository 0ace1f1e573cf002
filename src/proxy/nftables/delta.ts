/** What `nft` must do to come from one service's committed plan to its new one: only what differs. @module */
import type { ServicePlan } from "../plan.ts";
import { TABLE } from "./base-table.ts";

/** Lines in an order nft accepts in one transaction: what is referred to is made first and removed last. */
export interface Delta {
  readonly make: string[];
  readonly unlink: string[];
  readonly link: string[];
  readonly remove: string[];
}

export function emptyDelta(): Delta {
  return { make: [], unlink: [], link: [], remove: [] };
}

export function addDelta(delta: Delta, committed: ServicePlan, wanted: ServicePlan): void {
  for (const [name, seconds] of wanted.affinitySets) {
    if (committed.affinitySets.get(name) === seconds) continue;
    delta.make.push(
      `add set ${TABLE} ${name} { type ipv4_addr ; flags dynamic,timeout ; timeout ${seconds}s ; }`,
    );
  }
  // every chain exists before any rule names it
  for (const name of wanted.chains.keys()) {
    if (!committed.chains.has(name)) delta.make.push(`add chain ${TABLE} ${name}`);
  }
  for (const [name, rules] of wanted.chains) {
    const old = committed.chains.get(name);
    if (old !== undefined && sameRules(old, rules)) continue;
    if (old !== undefined) delta.unlink.push(`flush chain ${TABLE} ${name}`);
    for (const rule of rules) delta.link.push(`add rule ${TABLE} ${name} ${rule}`);
  }
  addElements(delta, committed, wanted);
  const dropped = [...committed.chains.keys()].filter((name) => !wanted.chains.has(name));
  // chains of one service may name each other: all are emptied before the first is deleted
  for (const name of dropped) delta.remove.push(`flush chain ${TABLE} ${name}`);
  for (const name of dropped) delta.remove.push(`delete chain ${TABLE} ${name}`);
  for (const [name, seconds] of committed.affinitySets) {
    if (wanted.affinitySets.get(name) !== seconds) delta.remove.push(`delete set ${TABLE} ${name}`);
  }
}

/** The transaction as text; "" if there is nothing to do. */
export function renderDelta({ make, unlink, link, remove }: Delta): string {
  const lines = [...make, ...unlink, ...link, ...remove];
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function addElements(delta: Delta, committed: ServicePlan, wanted: ServicePlan): void {
  for (const [map, elements] of committed.elements) {
    const next = wanted.elements.get(map);
    const gone = [...elements].filter(([key, value]) => next?.get(key) !== value).map(([key]) => key);
    if (gone.length > 0) delta.unlink.push(`delete element ${TABLE} ${map} { ${gone.join(" , ")} }`);
  }
  for (const [map, elements] of wanted.elements) {
    const old = committed.elements.get(map);
    const added = [...elements].filter(([key, value]) => old?.get(key) !== value);
    if (added.length === 0) continue;
    const list = added.map(([key, value]) => `${key} : ${value}`);
    delta.link.push(`add element ${TABLE} ${map} { ${list.join(" , ")} }`);
  }
}

/** Services share these elements: one is added by its first user and deleted by its last. `users` is updated. */
export function addHairpins(
  delta: Delta,
  users: Map<string, number>,
  committed: readonly ReadonlySet<string>[],
  wanted: readonly ReadonlySet<string>[],
): void {
  const before = new Set<string>();
  const touched = new Set<string>();
  const count = (sets: readonly ReadonlySet<string>[], step: number): void => {
    for (const ip of sets.flatMap((set) => [...set])) {
      if (!touched.has(ip) && (users.get(ip) ?? 0) > 0) before.add(ip);
      touched.add(ip);
      users.set(ip, (users.get(ip) ?? 0) + step);
    }
  };
  count(wanted, 1);
  count(committed, -1);
  for (const ip of touched) {
    const isUsed = users.get(ip)! > 0;
    if (!isUsed) users.delete(ip);
    if (isUsed === before.has(ip)) continue;
    const line = `element ${TABLE} hairpin-connections { ${ip} . ${ip} }`;
    if (isUsed) delta.link.push(`add ${line}`);
    else delta.unlink.push(`delete ${line}`);
  }
}

/** Intervals: one that goes must be gone before one that overlaps it comes. */
export function addRanges(delta: Delta, committed: readonly string[], wanted: readonly string[]): void {
  const element = `element ${TABLE} service-ranges`;
  const gone = committed.filter((range) => !wanted.includes(range));
  const added = wanted.filter((range) => !committed.includes(range));
  if (gone.length > 0) delta.unlink.push(`delete ${element} { ${gone.join(" , ")} }`);
  if (added.length > 0) delta.link.push(`add ${element} { ${added.join(" , ")} }`);
}

function sameRules(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((rule, index) => rule === b[index]);
}
