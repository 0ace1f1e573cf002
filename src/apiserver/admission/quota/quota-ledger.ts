/** Counts writes against the quotas of their namespaces, one turn at a time, before they are stored; upstream's `quotaEvaluator`. @module */
import { compareStrings, isConflict, isNotFound, StatusError, type Clock } from "#apimachinery";
import type { ClaimSurroundings, QuotaEvaluator } from "#api/core/v1/quota/index";
import type { ResourceQuota } from "#api/core/v1/types.gen";
import type { Attributes } from "../plugin.ts";
import { checkRequest } from "./check-request.ts";
import type { LimitedResource } from "./configuration.ts";

/** How the ledger reads and writes quotas. */
export interface QuotaAccess {
  /** From memory. */
  list(namespace: string): readonly ResourceQuota[];
  /** From the store. */
  getLive(namespace: string, name: string): Promise<ResourceQuota | undefined>;
  /** Stores the status if nobody wrote the quota since; rejects with a conflict otherwise. */
  updateStatus(quota: ResourceQuota): Promise<ResourceQuota>;
  /** What decides how claims of devices count. */
  readonly aroundClaims?: ClaimSurroundings;
}

const RETRIES_MAX = 3;
const TIMEOUT_MS = 10_000;
/** Requests that wait for the quotas of one namespace. */
const WAITING_MAX = 10_000;
/** Own writes remembered; one that is forgotten too early costs a conflict and another try. */
const WRITTEN_MAX = 1_000;

interface Waiter {
  readonly attributes: Attributes;
  readonly evaluator: QuotaEvaluator;
  readonly settle: (refusal?: unknown) => void;
  isSettled: boolean;
}

export class QuotaLedger {
  readonly #access: QuotaAccess;
  readonly #clock: Clock;
  readonly #limited: readonly LimitedResource[];
  /** By namespace; present while its worker runs. */
  readonly #waiting = new Map<string, Waiter[]>();
  /** Quotas this ledger wrote which the cache may not show yet; dropped when it does. */
  readonly #written = new Map<string, ResourceQuota>();

  /** `limited`: what nobody may use without a quota that covers it. */
  constructor(access: QuotaAccess, clock: Clock, limited: readonly LimitedResource[] = []) {
    this.#limited = limited;
    this.#access = access;
    this.#clock = clock;
  }

  /** Resolves when the write is counted; undefined when nothing bounds it. Rejects with the refusal. */
  evaluate(attributes: Attributes, evaluator: QuotaEvaluator): Promise<void> | undefined {
    const { namespace } = attributes;
    const isQuiet = this.#limited.length === 0 && !this.#waiting.has(namespace);
    if (isQuiet && this.#access.list(namespace).length === 0) return undefined;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = this.#clock.after(TIMEOUT_MS, () =>
      settle(
        new StatusError("InternalError", "Internal error occurred: resource quota evaluation timed out"),
      ),
    );
    const waiter: Waiter = { attributes, evaluator, settle: (refusal) => settle(refusal), isSettled: false };
    const settle = (refusal?: unknown): void => {
      if (waiter.isSettled) return;
      waiter.isSettled = true;
      timer.cancel();
      if (refusal === undefined) resolve();
      else reject(refusal);
    };
    this.#enqueue(namespace, waiter);
    return promise;
  }

  #enqueue(namespace: string, waiter: Waiter): void {
    const queue = this.#waiting.get(namespace);
    if (queue === undefined) {
      this.#waiting.set(namespace, [waiter]);
      void this.#work(namespace);
    } else if (queue.length < WAITING_MAX) queue.push(waiter);
    else waiter.settle(new StatusError("TooManyRequests", "too many requests wait for resource quotas"));
  }

  /** Everything that waits is counted with one write per quota: a burst costs as much as one create. */
  async #work(namespace: string): Promise<void> {
    for (;;) {
      const batch = this.#waiting.get(namespace)!.splice(0);
      if (batch.length === 0) break;
      try {
        await this.#count(this.#quotas(namespace), batch, RETRIES_MAX);
      } catch (err) {
        for (const waiter of batch) waiter.settle(err);
      }
      for (const waiter of batch) waiter.settle();
    }
    this.#waiting.delete(namespace);
  }

  async #count(
    quotas: readonly ResourceQuota[],
    batch: readonly Waiter[],
    retriesLeft: number,
  ): Promise<void> {
    const nowMs = this.#clock.now();
    let running = quotas;
    for (const waiter of batch) {
      if (waiter.isSettled) continue;
      try {
        const { attributes, evaluator } = waiter;
        const counted = checkRequest(running, attributes, evaluator, nowMs, this.#limited);
        if (!attributes.dryRun) running = counted;
      } catch (refusal) {
        waiter.settle(refusal);
      }
    }
    const failed: ResourceQuota[] = [];
    let lastError: unknown;
    for (const [i, quota] of running.entries()) {
      if (quota === quotas[i]) continue;
      try {
        this.#remember(await this.#access.updateStatus(quota));
      } catch (err) {
        if (!isConflict(err) && !isNotFound(err)) throw err;
        lastError = err;
        failed.push(quota);
      }
    }
    if (failed.length === 0) return;
    if (retriesLeft === 0) throw lastError;
    // The others are counted: only what somebody else wrote meanwhile is asked again.
    await this.#count(await this.#reread(failed), batch, retriesLeft - 1);
  }

  async #reread(quotas: readonly ResourceQuota[]): Promise<readonly ResourceQuota[]> {
    const { namespace = "" } = quotas[0]!.metadata;
    const found = quotas.map(({ metadata }) => this.#access.getLive(namespace, metadata.name));
    return (await Promise.all(found)).filter((quota) => quota !== undefined);
  }

  #remember(quota: ResourceQuota): void {
    const key = keyOf(quota);
    this.#written.delete(key);
    this.#written.set(key, quota);
    if (this.#written.size <= WRITTEN_MAX) return;
    const [oldest] = this.#written.keys();
    this.#written.delete(oldest!);
  }

  #quotas(namespace: string): readonly ResourceQuota[] {
    const quotas = this.#access.list(namespace).map((quota) => {
      const key = keyOf(quota);
      const own = this.#written.get(key);
      if (own === undefined) return quota;
      const isAhead = own.metadata.uid === quota.metadata.uid && versionOf(own) > versionOf(quota);
      if (!isAhead) this.#written.delete(key);
      return isAhead ? own : quota;
    });
    return quotas.toSorted((a, b) => compareStrings(a.metadata.name, b.metadata.name));
  }
}

function keyOf({ metadata }: ResourceQuota): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

function versionOf({ metadata }: ResourceQuota): number {
  return Number(metadata.resourceVersion ?? "0");
}
