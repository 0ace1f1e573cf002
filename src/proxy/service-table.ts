/** The kernel's table of one family: what this process has committed to it, and the transactions that bring it forward. @module */
import { silentLogger, type Logger, type ObjectKey } from "#apimachinery";
import { disjointRanges, type NodePortAddresses } from "./addresses.ts";
import { readClients, type KeptClient } from "./kept-clients.ts";
import { baseTable, hooks, type BaseTableOptions } from "./nftables/base-table.ts";
import { tablesOf, type Dialect } from "./nftables/dialect.ts";
import { masqueradeOf, type Masquerade, type MasqueradeOptions } from "./nftables/masquerade.ts";
import type { NftRunner } from "./nftables/nft-runner.ts";
import type { Script } from "./nftables/script.ts";
import type { HealthCheck, ServicePlan, TrafficPolicy } from "./plan.ts";
import { ServiceStates } from "./service-states.ts";
import { Turns } from "./turns.ts";

/** Lines and elements of one transaction while a table is filled. */
const CHUNK_MAX = 8_000;

export interface ServiceTableOptions {
  readonly dialect: Dialect;
  readonly nft: NftRunner;
  /** Of the server's flag and of both families; ServiceCIDR objects are closed besides. */
  readonly serviceCIDRs: readonly string[];
  /** Its `clusterCIDRs` are of both families. */
  readonly masquerade: MasqueradeOptions;
  readonly nodePorts: NodePortAddresses;
  /** Sets `net.ipv4.…`; asked for if node ports answer on loopback. */
  readonly sysctl?: ((name: string, value: string) => Promise<void>) | undefined;
  readonly logger?: Logger;
}

/** The kernel is never asked what it holds. Of two tables one serves; the other is filled if all has to be written anew. */
export class ServiceTable {
  readonly #options: ServiceTableOptions;
  readonly #tables: readonly string[];
  /** The one that serves. */
  #serving: string | undefined;
  /** What `#serving` holds; undefined: nobody knows, the next transactions fill another one. */
  #states: ServiceStates | undefined;
  #ranges: readonly string[] = [];
  /** Whether the next whole table remembers the clients of the one before it. */
  #isKeeping = true;

  constructor(options: ServiceTableOptions) {
    this.#options = options;
    this.#tables = tablesOf(options.dialect);
  }

  /** Whether `commit` must be given every service. */
  get isDamaged(): boolean {
    return this.#states === undefined;
  }

  /** Of services that have one, by their keys. */
  get healthChecks(): ReadonlyMap<ObjectKey, HealthCheck> {
    return this.#states?.healthChecks ?? new Map();
  }

  /** Ports of services whose traffic policy found no endpoint here. */
  get withoutLocal(): Readonly<Record<TrafficPolicy, number>> {
    return this.#states?.withoutLocal ?? { internal: 0, external: 0 };
  }

  /**
   * Before any service is known: closes the whole service range. A table that an earlier process left does so already, and
   * serves: it stays until the first `commit`.
   */
  async open(signal: AbortSignal): Promise<void> {
    await this.#close(signal);
    const { nodePorts, sysctl } = this.#options;
    // afterwards: from now on links may lead to loopback, and the table has a guard against that
    if (nodePorts.type === "some" && nodePorts.hasLoopback)
      await sysctl?.("net.ipv4.conf.all.route_localnet", "1");
  }

  async #close(signal: AbortSignal): Promise<void> {
    for (const table of this.#tables) {
      const isServing = await this.#options.nft.apply(`flush chain ${table} serving\n`, signal).then(
        () => true,
        () => false,
      );
      signal.throwIfAborted();
      if (isServing) this.#serving = table;
    }
    if (this.#serving !== undefined) return;
    const [table] = this.#tables;
    const base = this.#base(table!, []);
    await this.#options.nft.apply(text([...baseTable(base), ...hooks(base)]), signal);
    this.#serving = table;
  }

  /**
   * `ranges` are those of ServiceCIDR objects, all of them. One transaction, or many that fill another table, which the last one
   * lets serve. Rejects, and is damaged, if nft refuses. Not to be called again before it has settled.
   */
  async commit(
    plans: ReadonlyMap<ObjectKey, ServicePlan>,
    ranges: Iterable<string>,
    signal: AbortSignal,
  ): Promise<void> {
    const states = this.#states;
    const closed = disjointRanges([...this.#options.serviceCIDRs, ...ranges], this.#options.dialect.family);
    this.#states = undefined; // until nft has said yes
    if (states === undefined || this.#serving === undefined) {
      this.#states = await this.#replace(plans, ranges, signal);
    } else {
      const tx = states.begin(this.#serving);
      addRanges(tx.script, this.#ranges, closed);
      await states.update(plans, tx, new Turns());
      const script = tx.end();
      if (script !== "") await this.#options.nft.apply(script, signal);
      this.#states = states;
    }
    this.#ranges = closed;
  }

  /** Fills the table that does not serve, chunk by chunk; the last one takes the other's place, and keeps its clients. */
  async #replace(
    plans: ReadonlyMap<ObjectKey, ServicePlan>,
    ranges: Iterable<string>,
    signal: AbortSignal,
  ): Promise<ServiceStates> {
    const { nft, dialect } = this.#options;
    const old = this.#serving;
    const table = this.#tables.find((one) => one !== old)!;
    const base = this.#base(table, ranges);
    const states = new ServiceStates({ dialect, masquerade: this.#masquerade() });
    const turns = new Turns();
    let tx = states.begin(table);
    let script = text(baseTable(base));
    const flushIfFull = async (): Promise<void> => {
      if (tx.script.size < CHUNK_MAX) return;
      await nft.apply(script + tx.end(), signal);
      tx = states.begin(table);
      script = "";
    };
    for (const [service, plan] of plans) {
      await states.update(new Map([[service, plan]]), tx, turns);
      await flushIfFull();
    }
    const isKeeping = this.#isKeeping;
    this.#isKeeping = false; // until nft has said yes: what it refuses must not be tried for ever
    for (const { map, element } of isKeeping ? await this.#keptClients(states, signal) : []) {
      tx.script.add(map, element);
      await turns.spend(1);
      await flushIfFull();
    }
    script += tx.end() + text([...(old === undefined ? [] : removal(old)), ...hooks(base)]);
    await nft.apply(script, signal);
    this.#serving = table;
    this.#isKeeping = true;
    return states;
  }

  /** Those of the table that serves. That it cannot be read is no reason to serve nobody. */
  async #keptClients(states: ServiceStates, signal: AbortSignal): Promise<Iterable<KeptClient>> {
    const { nft, logger = silentLogger } = this.#options;
    const affinities = states.affinities();
    if (this.#serving === undefined || affinities.size === 0) return [];
    try {
      const { clients, left } = await readClients(nft, this.#serving, affinities, signal);
      if (left > 0) logger.warn("clients with session affinity are too many to be kept", { left });
      return clients;
    } catch (err) {
      signal.throwIfAborted();
      logger.warn("clients with session affinity are forgotten: the table before could not be read", { err });
      return [];
    }
  }

  #masquerade(): Masquerade {
    const { dialect, masquerade } = this.#options;
    const clusterCIDRs = disjointRanges(masquerade.clusterCIDRs, dialect.family);
    return masqueradeOf(dialect, { ...masquerade, clusterCIDRs });
  }

  #base(table: string, ranges: Iterable<string>): BaseTableOptions {
    const { dialect, nodePorts, serviceCIDRs } = this.#options;
    return {
      dialect,
      table,
      nodePorts,
      mark: this.#masquerade().mark,
      serviceRanges: disjointRanges([...serviceCIDRs, ...ranges], dialect.family),
    };
  }
}

/** Also if somebody has removed it already. */
export function removal(table: string): readonly string[] {
  return [`add table ${table}`, `delete table ${table}`];
}

/** Intervals: one that goes must be gone before one that overlaps it comes. */
function addRanges(script: Script, before: readonly string[], after: readonly string[]): void {
  for (const range of before) if (!after.includes(range)) script.delete("service-ranges", range);
  for (const range of after) if (!before.includes(range)) script.add("service-ranges", range);
}

function text(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}
