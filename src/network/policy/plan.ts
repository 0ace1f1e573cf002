/**
 * The decision about network policies: what the node's nftables must hold for one policy, and how the pods of the node
 * find their policies. No state, no I/O.
 * @module
 */
import { createHash } from "node:crypto";
import { labels } from "#apimachinery";
import {
  isInScope,
  selects,
  type AddressBlock,
  type CompiledPolicy,
  type CompiledRule,
} from "./compiled-policy.ts";
import { IPV4, type NftFamily } from "../address-family.ts";
import type { PolicyPod } from "./policy-pod.ts";
import { blockMatch, isInBlock, rangeMatches } from "./matches.ts";

export interface PolicyPlan extends TableContent {
  /** Addresses of this node's pods that the policy isolates, by direction. */
  readonly isolated: Readonly<Record<Direction, ReadonlySet<string>>>;
}

export interface TableContent {
  /** Chain name -> its rules. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly sets: ReadonlyMap<string, AddressSet>;
}

export interface AddressSet {
  readonly type: SetType;
  /** In a map, `key : verdict`. */
  readonly elements: ReadonlySet<string>;
}

export type Direction = "ingress" | "egress";
type AddressType = NftFamily["address"];
export type SetType =
  | AddressType
  | `${AddressType} . ${AddressType}`
  | `${AddressType} . inet_proto . inet_service`
  | `${AddressType} : verdict`;

/** Of one address family; a pod that has none of it is not there. */
export interface ClusterView {
  /** Default: IPv4. */
  readonly nft?: NftFamily;
  /** Name -> labels. */
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Namespace -> name -> pod. */
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, PolicyPod>>;
}

export const emptyPlan: PolicyPlan = {
  chains: new Map(),
  sets: new Map(),
  isolated: { ingress: new Set(), egress: new Set() },
};

interface Draft {
  readonly policy: CompiledPolicy;
  readonly view: ClusterView;
  /** Pods of this node that the policy selects. */
  readonly selected: readonly PolicyPod[];
  readonly sets: Map<string, AddressSet>;
}

/** Empty while the policy selects no pod of this node. Pods that several policies select get what any of them allows. */
export function plan(policy: CompiledPolicy, view: ClusterView): PolicyPlan {
  const own = view.pods.get(policy.namespace)?.values() ?? [];
  const selected = [...own].filter((pod) => pod.isLocal && selects(policy, pod));
  if (selected.length === 0) return emptyPlan;
  const draft: Draft = { policy, view, selected, sets: new Map() };
  const chains = new Map<string, readonly string[]>();
  const isolated = { ingress: new Set<string>(), egress: new Set<string>() };
  for (const direction of ["ingress", "egress"] as const) {
    const rules = policy[direction];
    if (rules === undefined) continue;
    for (const { ip } of selected) isolated[direction].add(ip);
    chains.set(
      chainOf(policy.id, direction),
      rules.flatMap((rule, index) => accepts(draft, direction, rule, index)),
    );
  }
  return { chains, sets: draft.sets, isolated };
}

/**
 * The maps from a pod's address to the chain that asks its policies in turn and drops what none allows. Pods with the same
 * policies, as the replicas of one set, share a chain: one that comes or goes is one element.
 *
 * Given `known`, the pods of this node whose addresses are known, all others neither call nor are called: one of them is
 * starting, and must be isolated before its first packet.
 */
export function planDispatch(
  plans: ReadonlyMap<string, PolicyPlan>,
  known?: ReadonlySet<string>,
  { address }: NftFamily = IPV4,
): TableContent {
  const chains = new Map<string, readonly string[]>();
  const sets = new Map<string, AddressSet>();
  const isolated = new Set<string>();
  for (const direction of ["ingress", "egress"] as const) {
    const policies = new Map<string, string[]>();
    for (const { chains: own, isolated: pods } of plans.values()) {
      const chain = [...own.keys()].find((name) => name.startsWith(`${direction}-`));
      if (chain === undefined) continue;
      for (const ip of pods[direction]) {
        policies.set(ip, [...(policies.get(ip) ?? []), chain]);
        isolated.add(`${ip} . ${ip}`);
      }
    }
    const verdicts = new Set<string>();
    for (const [ip, names] of policies) {
      const rules = [...names.toSorted().map((name) => `jump ${name}`), "drop"];
      const chain = `pods-${direction}-${hash(rules.join())}`;
      chains.set(chain, rules);
      verdicts.add(`${ip} : goto ${chain}`);
    }
    sets.set(`${direction}-pods`, { type: `${address} : verdict`, elements: verdicts });
  }
  chains.set("starting-pods", known === undefined ? [] : ["drop"]);
  sets.set("known-pods", { type: address, elements: known ?? new Set() });
  sets.set("own-traffic", { type: `${address} . ${address}`, elements: isolated });
  return { chains, sets };
}

function chainOf(id: string, direction: Direction): string {
  return `${direction}-${id}`;
}

/** One nftables rule for each way to be a peer, with each way to be a port. */
function accepts(draft: Draft, direction: Direction, rule: CompiledRule, index: number): readonly string[] {
  const name = `${chainOf(draft.policy.id, direction)}-${index}`;
  const peers = peerMatches(draft, direction, rule, name);
  const ranges = rule.ports === undefined ? [""] : rangeMatches(rule.ports.ranges);
  const matches = peers.flatMap((peer) => ranges.map((range) => `${peer} ${range}`));
  return [...matches, ...namedMatches(draft, direction, rule, name, peers)].map((match) =>
    `${match} accept`.replaceAll(/ +/g, " ").trim(),
  );
}

function peerMatches(
  draft: Draft,
  direction: Direction,
  { peers }: CompiledRule,
  name: string,
): readonly string[] {
  if (peers === undefined) return [""];
  const { protocol, address: type } = draft.view.nft ?? IPV4;
  const address = `${protocol} ${direction === "ingress" ? "saddr" : "daddr"}` as const;
  const blocks = peers.blocks.map((block) => blockMatch(address, block));
  if (peers.pods.length === 0) return blocks;
  const ips = peerPods(draft, direction, peers).map(({ ip }) => ip);
  draft.sets.set(`${name}-peers`, { type, elements: new Set(ips) });
  return [`${address} @${name}-peers`, ...blocks];
}

/** A name means the port of that name of the pod that is called: of a selected one, or of each peer its own. */
function namedMatches(
  draft: Draft,
  direction: Direction,
  { peers, ports }: CompiledRule,
  name: string,
  callers: readonly string[],
): readonly string[] {
  const named = ports?.named ?? [];
  if (named.length === 0) return [];
  const called =
    direction === "ingress"
      ? draft.selected
      : [...peerPods(draft, direction, peers), ...podsInBlocks(draft, peers?.blocks ?? [])];
  const elements = called.flatMap(({ ip, namedPorts }) =>
    namedPorts
      .filter((port) => named.some((want) => want.name === port.name && want.protocol === port.protocol))
      .map(({ protocol, port }) => `${ip} . ${protocol} . ${port}`),
  );
  const { protocol, address } = draft.view.nft ?? IPV4;
  const type = `${address} . inet_proto . inet_service` as const;
  draft.sets.set(`${name}-ports`, { type, elements: new Set(elements) });
  const match = `${protocol} daddr . meta l4proto . th dport @${name}-ports`;
  return direction === "ingress" ? callers.map((caller) => `${caller} ${match}`) : [match];
}

/** Pods with the node's address are peers to call (cluster DNS is one), not peers to be called by: that would let the node's every process in. */
function peerPods(
  { policy, view }: Draft,
  direction: Direction,
  peers: CompiledRule["peers"],
): readonly PolicyPod[] {
  const found: PolicyPod[] = [];
  for (const [namespace, pods] of view.pods) {
    // most rules look at few namespaces: the others' pods are not even visited
    const selectors = peers?.pods
      .filter((peer) => isInScope(policy, peer, namespace, view.namespaces.get(namespace)))
      .map(({ podSelector }) => podSelector);
    if (selectors?.length === 0) continue;
    for (const pod of pods.values()) {
      if (direction === "ingress" && pod.isHostNetwork) continue;
      if (selectors === undefined || selectors.some((selector) => labels.matches(selector, pod.labels)))
        found.push(pod);
    }
  }
  return found;
}

/** Only of pods is it known which port a name means: a block with a named port leads to the pods in it. */
function podsInBlocks({ view }: Draft, blocks: readonly AddressBlock[]): readonly PolicyPod[] {
  if (blocks.length === 0) return [];
  const all = [...view.pods.values()].flatMap((pods) => [...pods.values()]);
  return all.filter(({ ip }) => blocks.some((block) => isInBlock(ip, block)));
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
