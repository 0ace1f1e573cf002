/** What this process has committed to the kernel for network policies, and the transactions that bring it forward. Never asks the kernel. @module */
import type { ObjectKey } from "#apimachinery";
import { IPV4, type NftFamily } from "../address-family.ts";
import type { NetworkTools } from "../network-tools.ts";
import { addDelta, basePolicyTable, emptyDelta, renderDelta } from "./nftables.ts";
import { emptyPlan, planDispatch, type PolicyPlan, type TableContent } from "./plan.ts";

export class PolicyTable {
  readonly #tools: Pick<NetworkTools, "nft">;
  #committed: ReadonlyMap<ObjectKey, PolicyPlan> = new Map();
  readonly #nft: NftFamily;
  /** What the base table holds already. */
  readonly #emptyDispatch: TableContent;
  #dispatch: TableContent;
  /** The kernel may hold anything: the next transaction replaces the whole table. */
  #isDamaged = true;

  constructor(tools: Pick<NetworkTools, "nft">, nft: NftFamily = IPV4) {
    this.#tools = tools;
    this.#nft = nft;
    this.#emptyDispatch = planDispatch(new Map(), undefined, nft);
    this.#dispatch = this.#emptyDispatch;
  }

  /** Whether `commit` must be given every policy. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** One transaction; `known` as for `planDispatch`. Rejects, and is damaged, if nft refuses. */
  async commit(
    plans: ReadonlyMap<ObjectKey, PolicyPlan>,
    known: ReadonlySet<string> | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const isWhole = this.#isDamaged;
    const committed = isWhole ? new Map<ObjectKey, PolicyPlan>() : this.#committed;
    const wanted = new Map(committed);
    const delta = emptyDelta(this.#nft);
    for (const [key, next] of plans) {
      addDelta(delta, committed.get(key) ?? emptyPlan, next);
      if (next === emptyPlan) wanted.delete(key);
      else wanted.set(key, next);
    }
    const dispatch = planDispatch(wanted, known, this.#nft);
    addDelta(delta, isWhole ? this.#emptyDispatch : this.#dispatch, dispatch);
    const script = (isWhole ? basePolicyTable(this.#nft) : "") + renderDelta(delta);
    this.#isDamaged = true; // until nft has said yes
    if (script !== "") await this.#tools.nft(script, signal);
    this.#isDamaged = false;
    this.#committed = wanted;
    this.#dispatch = dispatch;
  }
}
