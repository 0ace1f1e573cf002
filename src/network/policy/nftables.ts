/**
 * The table `ip k8ts-policy`, and what `nft` must do to bring it from one content to another: only what differs. Traffic
 * between a pod and its own node never reaches the forward hook, so a kubelet's probes pass whatever policies say.
 * @module
 */
import { BRIDGE } from "../cni-config.ts";
import type { AddressSet, TableContent } from "./plan.ts";

export const POLICY_TABLE = "ip k8ts-policy";

/** Lines in an order nft accepts in one transaction: what is referred to is made first and removed last. */
export interface Delta {
  readonly make: string[];
  readonly unlink: string[];
  readonly link: string[];
  readonly remove: string[];
}

const NO_ELEMENTS: ReadonlySet<string> = new Set();

/**
 * Replaces the whole table in one transaction. Egress and ingress have a hook each, since `accept` ends only the chain of
 * its hook: a packet needs the consent of both sides. Replies belong to a connection that was allowed.
 */
export function basePolicyTable(): string {
  const hook = (direction: string, priority: number, address: string, via: string): readonly string[] => [
    `add map ${POLICY_TABLE} ${direction}-pods { type ipv4_addr : verdict ; }`,
    `add chain ${POLICY_TABLE} ${direction} { type filter hook forward priority ${priority} ; }`,
    `add rule ${POLICY_TABLE} ${direction} ct state established,related accept`,
    `add rule ${POLICY_TABLE} ${direction} ip saddr . ip daddr @own-traffic accept`,
    `add rule ${POLICY_TABLE} ${direction} ${via} ${BRIDGE} ${address} != @known-pods jump starting-pods`,
    `add rule ${POLICY_TABLE} ${direction} ${address} vmap @${direction}-pods`,
  ];
  const lines = [
    `add table ${POLICY_TABLE}`,
    `delete table ${POLICY_TABLE}`,
    `add table ${POLICY_TABLE}`,
    `add set ${POLICY_TABLE} own-traffic { type ipv4_addr . ipv4_addr ; }`,
    `add set ${POLICY_TABLE} known-pods { type ipv4_addr ; }`,
    `add chain ${POLICY_TABLE} starting-pods`,
    ...hook("egress", -20, "ip saddr", "iifname"),
    ...hook("ingress", -10, "ip daddr", "oifname"),
  ];
  return `${lines.join("\n")}\n`;
}

export function emptyDelta(): Delta {
  return { make: [], unlink: [], link: [], remove: [] };
}

export function addDelta(delta: Delta, committed: TableContent, wanted: TableContent): void {
  for (const [name, set] of wanted.sets) {
    if (!committed.sets.has(name)) delta.make.push(`add set ${POLICY_TABLE} ${name} { type ${set.type} ; }`);
    addElements(delta, name, committed.sets.get(name), set);
  }
  for (const [name, rules] of wanted.chains) {
    const old = committed.chains.get(name);
    if (old === undefined) delta.make.push(`add chain ${POLICY_TABLE} ${name}`);
    else if (sameRules(old, rules)) continue;
    else delta.unlink.push(`flush chain ${POLICY_TABLE} ${name}`);
    for (const rule of rules) delta.link.push(`add rule ${POLICY_TABLE} ${name} ${rule}`);
  }
  const dropped = [...committed.chains.keys()].filter((name) => !wanted.chains.has(name));
  // chains name each other: all are emptied before the first is deleted, and chains go before the sets they read
  for (const name of dropped) delta.unlink.push(`flush chain ${POLICY_TABLE} ${name}`);
  for (const name of dropped) delta.remove.push(`delete chain ${POLICY_TABLE} ${name}`);
  for (const name of committed.sets.keys()) {
    if (!wanted.sets.has(name)) delta.remove.push(`delete set ${POLICY_TABLE} ${name}`);
  }
}

/** The transaction as text; "" if there is nothing to do. */
export function renderDelta({ make, unlink, link, remove }: Delta): string {
  const lines = [...make, ...unlink, ...link, ...remove];
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function addElements(delta: Delta, name: string, old: AddressSet | undefined, wanted: AddressSet): void {
  const before = old?.elements ?? NO_ELEMENTS;
  const gone = [...before].filter((element) => !wanted.elements.has(element));
  const added = [...wanted.elements].filter((element) => !before.has(element));
  // a map's element is named by its key alone
  const keys = gone.map((element) => element.split(" : ")[0]!);
  if (keys.length > 0) delta.unlink.push(`delete element ${POLICY_TABLE} ${name} { ${keys.join(" , ")} }`);
  if (added.length > 0) delta.link.push(`add element ${POLICY_TABLE} ${name} { ${added.join(" , ")} }`);
}

function sameRules(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((rule, index) => rule === b[index]);
}
