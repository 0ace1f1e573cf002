/** Which domain of one topology key every node is in, as small numbers. @module */
import { ownValue } from "#apimachinery";
import type { NodeInfo } from "./node-info.ts";

/** Instead of a topology key: every node is a domain of its own, whatever its labels. */
export const PER_NODE = "";

/** Told when a domain gets its first node or loses its last one. */
export interface DomainListener {
  domainAdded(id: number): void;
  domainRemoved(id: number): void;
}

export class TopologyTable {
  readonly key: string;
  /** By slot of the node: the number of its domain, -1 without the label. */
  readonly domainOf: number[] = [];
  /** By number of the domain. */
  readonly #values: string[] = [];
  readonly #nodes: number[] = [];
  readonly #idOf = new Map<string, number>();
  readonly #free: number[] = [];
  readonly #listeners = new Set<DomainListener>();

  constructor(key: string) {
    this.key = key;
  }

  /** Domains with at least one node. */
  get size(): number {
    return this.#idOf.size;
  }

  /** Numbers of domains are below this. */
  get idsEnd(): number {
    return this.#values.length;
  }

  /** Nobody counts by this key any more. */
  get isUnused(): boolean {
    return this.#listeners.size === 0;
  }

  listen(listener: DomainListener): void {
    this.#listeners.add(listener);
  }

  unlisten(listener: DomainListener): void {
    this.#listeners.delete(listener);
  }

  addNode(node: NodeInfo): void {
    const value = this.key === PER_NODE ? node.name : ownValue(node.labels, this.key);
    const id = value === undefined ? -1 : (this.#idOf.get(value) ?? this.#newDomain(value));
    this.domainOf[node.slot] = id;
    if (id >= 0) this.#nodes[id]!++;
  }

  /** With the labels it had when it was added, and no pods counted on it. */
  removeNode(node: NodeInfo): void {
    const id = this.domainOf[node.slot] ?? -1;
    this.domainOf[node.slot] = -1;
    if (id < 0 || --this.#nodes[id]! > 0) return;
    for (const listener of this.#listeners) listener.domainRemoved(id);
    this.#idOf.delete(this.#values[id]!);
    this.#free.push(id);
  }

  #newDomain(value: string): number {
    const id = this.#free.pop() ?? this.#values.length;
    this.#values[id] = value;
    this.#nodes[id] = 0;
    this.#idOf.set(value, id);
    for (const listener of this.#listeners) listener.domainAdded(id);
    return id;
  }
}
