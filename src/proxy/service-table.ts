/** What this process has committed to the kernel, and the transactions that bring it forward. Never asks the kernel. @module */
import type { ObjectKey } from "#apimachinery";
import { staleFlows, type StaleFlow } from "./conntrack.ts";
import { baseTable, type BaseTableOptions } from "./nftables/base-table.ts";
import { addDelta, addHairpins, emptyDelta, renderDelta } from "./nftables/delta.ts";
import type { NftRunner } from "./nftables/nft-runner.ts";
import { emptyPlan, type ServicePlan } from "./plan.ts";

export class ServiceTable {
  readonly #nft: NftRunner;
  readonly #base: string;
  readonly #committed = new Map<ObjectKey, ServicePlan>();
  #hairpinUsers = new Map<string, number>();
  /** The kernel may hold anything: the next transaction replaces the whole table. */
  #isDamaged = true;

  constructor(nft: NftRunner, base: BaseTableOptions) {
    this.#nft = nft;
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

  /** One transaction. Resolves with the UDP flows that now lead nowhere; rejects, and is damaged, if nft refuses. */
  async commit(
    plans: ReadonlyMap<ObjectKey, ServicePlan>,
    signal: AbortSignal,
  ): Promise<readonly StaleFlow[]> {
    if (this.#isDamaged) {
      this.#committed.clear();
      this.#hairpinUsers.clear();
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
    const script = (this.#isDamaged ? this.#base : "") + renderDelta(delta);
    this.#isDamaged = true; // until nft has said yes
    if (script !== "") await this.#nft.apply(script, signal);
    this.#isDamaged = false;
    this.#hairpinUsers = users;
    for (const { key, next } of changes) {
      if (next === emptyPlan) this.#committed.delete(key);
      else this.#committed.set(key, next);
    }
    return changes.flatMap(({ old, next }) => staleFlows(old, next));
  }
}
