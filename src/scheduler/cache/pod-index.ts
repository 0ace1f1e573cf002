/**
 * Counts of pods by topology, kept while pods come and go. Pods with equal labels are one group: a selector is compared once
 * with a group, and then only numbers change.
 * @module
 */
import type { NodeInfo } from "./node-info.ts";
import { PodCounter } from "./pod-counter.ts";
import type { AffinityTerm, PodInfo } from "./pod-info.ts";
import { TopologyTable } from "./topology-table.ts";

export interface CounterSpec {
  /** Equal keys mean equal specs. */
  readonly key: string;
  readonly topologyKey: string;
  /** May ask for nothing but what is equal within a group: namespace, labels, owner, being deleted. */
  readonly matches: (pod: PodInfo) => boolean;
  /** By default every node with the label. May ask for labels and taints only. */
  readonly includes?: (node: NodeInfo) => boolean;
  /** What it matches changes with the labels of namespaces. */
  readonly dependsOnNamespaces?: boolean;
}

/** Pods that have one term, by the domain they are in. */
export interface TermCounter {
  readonly term: AffinityTerm;
  readonly counter: PodCounter;
  pods: number;
}

/** The kinds of terms of pods that run which matter to others. */
export type TermKind =
  | "requiredAffinity"
  | "requiredAntiAffinity"
  | "preferredAffinity"
  | "preferredAntiAffinity";
const TERM_KINDS: readonly TermKind[] = [
  "requiredAffinity",
  "requiredAntiAffinity",
  "preferredAffinity",
  "preferredAntiAffinity",
];

interface Group {
  /** Any of its pods: they are equal in what specs may ask. */
  readonly sample: PodInfo;
  readonly nodes: Map<NodeInfo, number>;
  readonly counters: Set<PodCounter>;
}

interface Registered {
  readonly spec: CounterSpec;
  readonly counter: PodCounter;
}

/** Groups without pods kept, since preemption takes pods away and puts them back. */
const EMPTY_GROUPS_MAX = 1_000;
/** Counters that were not asked for longest go; they are counted anew when they are asked for again. */
const COUNTERS_MAX = 2_000;

export class PodIndex {
  readonly #tables = new Map<string, TopologyTable>();
  readonly #groups = new Map<string, Group>();
  readonly #emptyGroups = new Set<string>();
  /** In the order of use, the latest last. */
  readonly #counters = new Map<string, Registered>();
  readonly #terms: Readonly<Record<TermKind, Map<string, TermCounter>>> = {
    requiredAffinity: new Map(),
    requiredAntiAffinity: new Map(),
    preferredAffinity: new Map(),
    preferredAntiAffinity: new Map(),
  };
  /** Key of a PersistentVolumeClaim -> pods with a volume of it; those without are not there. */
  readonly #claimUsers = new Map<string, number>();
  readonly #nodes = new Set<NodeInfo>();
  readonly #freeSlots: number[] = [];

  /** Valid for the cycle under way. */
  counter(key: string, spec: () => Omit<CounterSpec, "key">): PodCounter {
    const known = this.#counters.get(key);
    const registered = known ?? this.#register({ key, ...spec() });
    if (known !== undefined) this.#counters.delete(key);
    this.#counters.set(key, registered);
    return registered.counter;
  }

  /** Distinct terms of the pods that run. Their counters stay while a cycle takes pods away and puts them back. */
  terms(kind: TermKind): Iterable<TermCounter> {
    const terms = this.#terms[kind];
    for (const [key, { counter, pods }] of terms) {
      if (pods > 0) continue;
      terms.delete(key);
      this.#release(counter);
    }
    return terms.values();
  }

  /** Gives it a slot. Its pods come after. */
  addNode(node: NodeInfo): void {
    node.slot = this.#freeSlots.pop() ?? this.#nodes.size;
    this.#nodes.add(node);
    for (const table of this.#tables.values()) table.addNode(node);
    for (const { counter } of this.#counters.values()) counter.addNode(node);
  }

  /** Its pods have gone before. */
  removeNode(node: NodeInfo): void {
    for (const { counter } of this.#counters.values()) counter.removeNode(node);
    for (const table of this.#tables.values()) table.removeNode(node);
    this.#nodes.delete(node);
    this.#freeSlots.push(node.slot);
  }

  addPod(pod: PodInfo, node: NodeInfo): void {
    const group = this.#groups.get(pod.groupKey) ?? this.#newGroup(pod);
    if (group.nodes.size === 0) this.#emptyGroups.delete(pod.groupKey);
    group.nodes.set(node, (group.nodes.get(node) ?? 0) + 1);
    for (const counter of group.counters) counter.shift(node, 1);
    for (const { key } of pod.claims) this.#claimUsers.set(key, this.claimUsers(key) + 1);
    if (!pod.hasAffinity) return;
    for (const kind of TERM_KINDS) for (const term of pod[kind]) this.#addTerm(kind, term, node);
  }

  removePod(pod: PodInfo, node: NodeInfo): void {
    const group = this.#groups.get(pod.groupKey)!;
    for (const counter of group.counters) counter.shift(node, -1);
    const left = group.nodes.get(node)! - 1;
    if (left > 0) group.nodes.set(node, left);
    else group.nodes.delete(node);
    if (group.nodes.size === 0) this.#emptyGroups.add(pod.groupKey);
    for (const { key } of pod.claims) this.#removeUser(key);
    if (!pod.hasAffinity) return;
    for (const kind of TERM_KINDS) for (const term of pod[kind]) this.#removeTerm(kind, term, node);
  }

  /** How many volumes of pods on nodes are the PersistentVolumeClaim of this key. */
  claimUsers(key: string): number {
    return this.#claimUsers.get(key) ?? 0;
  }

  #removeUser(claim: string): void {
    const left = this.claimUsers(claim) - 1;
    if (left > 0) this.#claimUsers.set(claim, left);
    else this.#claimUsers.delete(claim);
  }

  /** The labels of a namespace are not what they were. */
  namespacesChanged(): void {
    for (const registered of this.#counters.values()) {
      if (registered.spec.dependsOnNamespaces === true) this.#unregister(registered);
    }
  }

  #newGroup(pod: PodInfo): Group {
    if (this.#emptyGroups.size > EMPTY_GROUPS_MAX) {
      for (const key of this.#emptyGroups) this.#groups.delete(key);
      this.#emptyGroups.clear();
    }
    const counters = new Set<PodCounter>();
    for (const { spec, counter } of this.#counters.values()) if (spec.matches(pod)) counters.add(counter);
    const group: Group = { sample: pod, nodes: new Map(), counters };
    this.#groups.set(pod.groupKey, group);
    return group;
  }

  #register(spec: CounterSpec): Registered {
    if (this.#counters.size >= COUNTERS_MAX) this.#unregister(this.#counters.values().next().value!);
    const counter = new PodCounter(this.#table(spec.topologyKey), this.#nodes, spec.includes);
    for (const group of this.#groups.values()) {
      if (!spec.matches(group.sample)) continue;
      group.counters.add(counter);
      for (const [node, count] of group.nodes) for (let i = 0; i < count; i++) counter.shift(node, 1);
    }
    return { spec, counter };
  }

  #unregister({ spec, counter }: Registered): void {
    this.#counters.delete(spec.key);
    for (const group of this.#groups.values()) group.counters.delete(counter);
    this.#release(counter);
  }

  #addTerm(kind: TermKind, term: AffinityTerm, node: NodeInfo): void {
    const terms = this.#terms[kind];
    let known = terms.get(term.key);
    if (known === undefined) {
      const counter = new PodCounter(this.#table(term.topologyKey), this.#nodes, undefined);
      terms.set(term.key, (known = { term, counter, pods: 0 }));
    }
    known.pods++;
    known.counter.shift(node, 1);
  }

  #removeTerm(kind: TermKind, term: AffinityTerm, node: NodeInfo): void {
    const known = this.#terms[kind].get(term.key)!;
    known.counter.shift(node, -1);
    known.pods--;
  }

  #table(key: string): TopologyTable {
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    const table = new TopologyTable(key);
    for (const node of this.#nodes) table.addNode(node);
    this.#tables.set(key, table);
    return table;
  }

  #release(counter: PodCounter): void {
    const { table } = counter;
    table.unlisten(counter);
    if (table.isUnused) this.#tables.delete(table.key);
  }
}
