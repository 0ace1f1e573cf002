/**
 * The tables `ip k8ts-policy` and `ip6 k8ts-policy`, and what `nft` must do to bring it from one content to another: only what differs. Traffic
 * between a pod and its own node never reaches the forward hook, so a kubelet's probes pass whatever policies say.
 * @module
 */
import { IPV6, type NftFamily } from "../address-family.ts";
import { BRIDGE } from "../cni-config.ts";
import type { AddressSet, TableContent } from "./plan.ts";

export function policyTableName({ protocol }: NftFamily): string {
  return `${protocol} k8ts-policy`;
}

/**
 * Neighbours on a link must find each other whatever policies say: routers forward none of these. All else between link-local
 * addresses would be a way around the policies, which know pods by their other address.
 */
const LINK_RULES: readonly string[] = [
  "ip6 hoplimit 255 icmpv6 type { nd-neighbor-solicit , nd-neighbor-advert , nd-router-solicit } accept",
  "ip6 saddr fe80::/10 ip6 daddr != ff00::/8 drop",
  "ip6 daddr fe80::/10 drop",
];

/** Lines in an order nft accepts in one transaction: what is referred to is made first and removed last. */
export interface Delta {
  readonly table: string;
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
export function basePolicyTable(nft: NftFamily): string {
  const table = policyTableName(nft);
  const { protocol: ip, address: type } = nft;
  const hook = (direction: string, priority: number, address: string, via: string): readonly string[] => [
    `add map ${table} ${direction}-pods { type ${type} : verdict ; }`,
    `add chain ${table} ${direction} { type filter hook forward priority ${priority} ; }`,
    `add rule ${table} ${direction} ct state established,related accept`,
    ...(nft === IPV6 ? LINK_RULES.map((rule) => `add rule ${table} ${direction} ${rule}`) : []),
    `add rule ${table} ${direction} ${ip} saddr . ${ip} daddr @own-traffic accept`,
    `add rule ${table} ${direction} ${via} ${BRIDGE} ${address} != @known-pods jump starting-pods`,
    `add rule ${table} ${direction} ${address} vmap @${direction}-pods`,
  ];
  const lines = [
    `add table ${table}`,
    `delete table ${table}`,
    `add table ${table}`,
    `add set ${table} own-traffic { type ${type} . ${type} ; }`,
    `add set ${table} known-pods { type ${type} ; }`,
    `add chain ${table} starting-pods`,
    ...hook("egress", -20, `${ip} saddr`, "iifname"),
    ...hook("ingress", -10, `${ip} daddr`, "oifname"),
  ];
  return `${lines.join("\n")}\n`;
}

export function emptyDelta(nft: NftFamily): Delta {
  return { table: policyTableName(nft), make: [], unlink: [], link: [], remove: [] };
}

export function addDelta(delta: Delta, committed: TableContent, wanted: TableContent): void {
  for (const [name, set] of wanted.sets) {
    if (!committed.sets.has(name)) delta.make.push(`add set ${delta.table} ${name} { type ${set.type} ; }`);
    addElements(delta, name, committed.sets.get(name), set);
  }
  for (const [name, rules] of wanted.chains) {
    const old = committed.chains.get(name);
    if (old === undefined) delta.make.push(`add chain ${delta.table} ${name}`);
    else if (sameRules(old, rules)) continue;
    else delta.unlink.push(`flush chain ${delta.table} ${name}`);
    for (const rule of rules) delta.link.push(`add rule ${delta.table} ${name} ${rule}`);
  }
  const dropped = [...committed.chains.keys()].filter((name) => !wanted.chains.has(name));
  // chains name each other: all are emptied before the first is deleted, and chains go before the sets they read
  for (const name of dropped) delta.unlink.push(`flush chain ${delta.table} ${name}`);
  for (const name of dropped) delta.remove.push(`delete chain ${delta.table} ${name}`);
  for (const name of committed.sets.keys()) {
    if (!wanted.sets.has(name)) delta.remove.push(`delete set ${delta.table} ${name}`);
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
  if (keys.length > 0) delta.unlink.push(`delete element ${delta.table} ${name} { ${keys.join(" , ")} }`);
  if (added.length > 0) delta.link.push(`add element ${delta.table} ${name} { ${added.join(" , ")} }`);
}

function sameRules(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((rule, index) => rule === b[index]);
}
