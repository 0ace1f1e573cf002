/** How many pods of one kind (those that a selector matches, those that have a term) are in each domain of a topology. @module */
import type { NodeInfo } from "./node-info.ts";
import type { DomainListener, TopologyTable } from "./topology-table.ts";

/** Kept up to date pod by pod, so that a scheduling cycle reads numbers and scans nothing. */
export class PodCounter implements DomainListener {
  readonly table: TopologyTable;
  readonly #includes: ((node: NodeInfo) => boolean) | undefined;
  /** By slot; only with a limit on nodes. */
  readonly #isIncluded: boolean[] = [];
  /** By domain: nodes that are included; only with a limit on nodes. */
  readonly #nodes: number[] = [];
  /** By domain. */
  readonly #pods: number[] = [];
  /** By number of pods: how many domains have so many. Steps of one keep the minimum at hand. */
  readonly #domainsWith: number[] = [0];
  #domains = 0;
  #min = 0;
  #total = 0;

  /** Counts on the nodes that `includes` accepts, by default on all that have the label. `nodes` are those in the table. */
  constructor(
    table: TopologyTable,
    nodes: Iterable<NodeInfo>,
    includes: ((node: NodeInfo) => boolean) | undefined,
  ) {
    this.table = table;
    this.#includes = includes;
    for (let id = 0; id < table.idsEnd; id++) {
      this.#pods.push(0);
      this.#nodes.push(0);
    }
    if (includes === undefined) this.#domains = this.#domainsWith[0] = table.size;
    else for (const node of nodes) this.addNode(node);
    table.listen(this);
  }

  /** Pods in any domain. */
  get total(): number {
    return this.#total;
  }

  /** Domains with at least one included node. */
  get domains(): number {
    return this.#domains;
  }

  /** The fewest pods in a domain; 0 without domains. */
  get min(): number {
    return this.#min;
  }

  hasDomain(node: NodeInfo): boolean {
    return this.table.domainOf[node.slot]! >= 0;
  }

  /** Pods in the domain of the node; 0 if it is in none. */
  at(node: NodeInfo): number {
    const id = this.table.domainOf[node.slot]!;
    return id < 0 ? 0 : this.#pods[id]!;
  }

  shift(node: NodeInfo, step: 1 | -1): void {
    const id = this.table.domainOf[node.slot]!;
    if (id < 0 || (this.#includes !== undefined && this.#isIncluded[node.slot] !== true)) return;
    const count = this.#pods[id]!;
    this.#pods[id] = count + step;
    this.#total += step;
    this.#domainsWith[count]!--;
    this.#domainsWith[count + step] = (this.#domainsWith[count + step] ?? 0) + 1;
    this.#settleMin(count + step);
  }

  /** After the table, before its pods. */
  addNode(node: NodeInfo): void {
    if (this.#includes === undefined) return;
    const id = this.table.domainOf[node.slot]!;
    const isIncluded = id >= 0 && this.#includes(node);
    this.#isIncluded[node.slot] = isIncluded;
    if (isIncluded && this.#nodes[id]!++ === 0) this.#enter();
  }

  /** After its pods, before the table. */
  removeNode(node: NodeInfo): void {
    if (this.#isIncluded[node.slot] !== true) return;
    this.#isIncluded[node.slot] = false;
    if (--this.#nodes[this.table.domainOf[node.slot]!]! === 0) this.#leave();
  }

  domainAdded(id: number): void {
    this.#pods[id] = 0;
    this.#nodes[id] = 0;
    if (this.#includes === undefined) this.#enter();
  }

  domainRemoved(_id: number): void {
    if (this.#includes === undefined) this.#leave();
  }

  /** A domain without pods comes. */
  #enter(): void {
    this.#domains++;
    this.#domainsWith[0]!++;
    this.#min = 0;
  }

  #leave(): void {
    this.#domains--;
    this.#domainsWith[0]!--;
    this.#settleMin(this.#min);
  }

  #settleMin(changed: number): void {
    if (this.#domains === 0) this.#min = 0;
    else if (changed < this.#min) this.#min = changed;
    else while (this.#domainsWith[this.#min] === 0) this.#min++;
  }
}
