/** What this process has committed to the kernel, and the transactions that bring it forward. Never asks the kernel. @module */
import type { ObjectKey } from "#apimachinery";
import { disjointRanges } from "./addresses.ts";
import { baseTable, type BaseTableOptions } from "./nftables/base-table.ts";
import { addDelta, addHairpins, addRanges, emptyDelta, renderDelta } from "./nftables/delta.ts";
import type { NftRunner } from "./nftables/nft-runner.ts";
import { emptyPlan, type HealthCheck, type ServicePlan } from "./plan.ts";

export class ServiceTable {
  readonly #nft: NftRunner;
  readonly #base: string;
  readonly #serviceCIDR: string;
  readonly #healthChecks = new Map<ObjectKey, HealthCheck>();
  #ranges: readonly string[] = [];
  readonly #committed = new Map<ObjectKey, ServicePlan>();
  #hairpinUsers = new Map<string, number>();
  /** The kernel may hold anything: the next transaction replaces the whole table. */
  #isDamaged = true;

  constructor(nft: NftRunner, base: BaseTableOptions) {
    this.#nft = nft;
    this.#serviceCIDR = base.serviceCIDR;
    this.#base = `${baseTable(base).join("\n")}\n`;
  }

  /** Whether `commit` must be given every service. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** Refuses the whole service range before any service is known. */
  async close(signal: AbortSignal): Promise<void> {
    await this.#nft.apply(this.#base, signal);
  }

  /** One transaction. `ranges` are those of ServiceCIDR objects, all of them. Rejects, and is damaged, if nft refuses. */
  async commit(
    plans: ReadonlyMap<ObjectKey, ServicePlan>,
    ranges: Iterable<string>,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#isDamaged) {
      this.#committed.clear();
      this.#hairpinUsers.clear();
      this.#healthChecks.clear();
      this.#ranges = [this.#serviceCIDR];
    }
    const changes = [...plans].map(([key, next]) => ({
      key,
      old: this.#committed.get(key) ?? emptyPlan,
      next,
    }));
    const users = new Map(this.#hairpinUsers);
    const delta = emptyDelta();
    for (const { old, next } of changes) addDelta(delta, old, next);
    addHairpins(
      delta,
      users,
      changes.map(({ old }) => old.hairpins),
      changes.map(({ next }) => next.hairpins),
    );
    const closed = disjointRanges([this.#serviceCIDR, ...ranges]);
    addRanges(delta, this.#ranges, closed);
    const script = (this.#isDamaged ? this.#base : "") + renderDelta(delta);
    this.#isDamaged = true; // until nft has said yes
    if (script !== "") await this.#nft.apply(script, signal);
    this.#isDamaged = false;
    this.#hairpinUsers = users;
    this.#ranges = closed;
    for (const { key, next } of changes) this.#remember(key, next);
  }

  #remember(key: ObjectKey, next: ServicePlan): void {
    if (next === emptyPlan) this.#committed.delete(key);
    else this.#committed.set(key, next);
    if (next.healthCheck === undefined) this.#healthChecks.delete(key);
    else this.#healthChecks.set(key, next.healthCheck);
  }

  /** Of services that have one, by their keys. */
  healthChecks(): ReadonlyMap<ObjectKey, HealthCheck> {
    return this.#healthChecks;
  }
}
