/** Keeps this node's nftables in step with Services and EndpointSlices. @module */
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import { serviceKeysOf } from "#api/discovery/v1/service-keys";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { Services } from "#api/core/v1/service";
import type { Service } from "#api/core/v1/types.gen";
import { keyOf, type Clock, type Logger, type ObjectKey, pause } from "#apimachinery";
import type { InformerFactory, SharedInformer } from "#client";
import { deleteStaleFlows } from "./conntrack.ts";
import { TABLE } from "./nftables/base-table.ts";
import type { NftRunner } from "./nftables/nft-runner.ts";
import { ServiceTable } from "./service-table.ts";
import { emptyPlan, plan, type ServicePlan } from "./plan.ts";

export interface ProxyOptions {
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodeName: string;
  readonly nodeIPs: readonly string[];
  readonly clusterCIDR: string;
  readonly serviceCIDR: string;
  readonly nft: NftRunner;
  /** Told after each transaction: how many services it changed and how long it took. */
  readonly onSync?: (services: number, durationMs: number) => void;
}

/** Changes that come within this time share a transaction. */
const BATCH_MS = 5;
/** After a failure the whole table is written anew, at growing intervals. */
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 30_000;
const SERVICE_INDEX = "service";

/** Resolves when `signal` aborts. The rules stay: connections go on while the agent restarts. */
export async function runProxy(options: ProxyOptions, signal: AbortSignal): Promise<void> {
  const table = new ServiceTable(options.nft, options);
  await closeServiceRange(table, options, signal);
  const changes = new ChangeTracker(options);
  options.informers.start(signal);
  await options.informers.waitForSync(signal);

  let retryMs = RETRY_MS;
  while (!signal.aborted) {
    const begin = options.clock.monotonicMs();
    const plans = changes.take(table.isDamaged);
    try {
      const stale = await table.commit(plans, signal);
      retryMs = RETRY_MS;
      options.onSync?.(plans.size, options.clock.monotonicMs() - begin);
      if (stale.length > 0) await deleteStaleFlows(stale, options.logger, signal);
      await changes.next(signal);
      await options.clock.sleep(BATCH_MS, signal);
    } catch (err) {
      if (signal.aborted) return;
      options.logger.error("nftables transaction failed; the whole table will be written again", {
        err,
        retryMs,
      });
      await pause(options.clock, retryMs, signal);
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
    }
  }
}

/** Removes everything the proxy put on this machine. */
export async function cleanupProxy(nft: NftRunner, signal: AbortSignal): Promise<void> {
  await nft.apply(`add table ${TABLE}\ndelete table ${TABLE}\n`, signal);
}

/** A table that an earlier agent left refuses the range already, and serves: it stays until the first transaction. */
async function closeServiceRange(
  table: ServiceTable,
  options: ProxyOptions,
  signal: AbortSignal,
): Promise<void> {
  const probe = `add element ${TABLE} nodeport-ips { ${options.nodeIPs.join(" , ")} }\n`;
  await options.nft.apply(probe, signal).catch(() => table.close(signal));
}

/** Collects the keys of services that changed, and plans them. */
class ChangeTracker {
  readonly #options: ProxyOptions;
  readonly #services: SharedInformer<Service>;
  readonly #slices: SharedInformer<EndpointSlice>;
  readonly #dirty = new Set<ObjectKey>();
  #changed = Promise.withResolvers<void>();

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#services = options.informers.informer(Services);
    this.#slices = options.informers.informer(EndpointSlices);
    this.#slices.addIndexer(SERVICE_INDEX, serviceKeysOf);
    this.#services.addEventHandler({
      onAdd: (service) => this.#mark([keyOf(service)]),
      onUpdate: (service) => this.#mark([keyOf(service)]),
      onDelete: (service) => this.#mark([keyOf(service)]),
    });
    this.#slices.addEventHandler({
      onAdd: (slice) => this.#mark(serviceKeysOf(slice)),
      onUpdate: (slice, old) => this.#mark([...serviceKeysOf(slice), ...serviceKeysOf(old)]),
      onDelete: (slice) => this.#mark(serviceKeysOf(slice)),
    });
  }

  /** Plans of what changed since the last call, or of every service. */
  take(all: boolean): ReadonlyMap<ObjectKey, ServicePlan> {
    if (all) for (const service of this.#services.lister.list()) this.#dirty.add(keyOf(service));
    const plans = new Map([...this.#dirty].map((key) => [key, this.#plan(key)]));
    this.#dirty.clear();
    return plans;
  }

  /** Resolves at the next change, at once if there was one since `take`, or when `signal` aborts. */
  async next(signal: AbortSignal): Promise<void> {
    if (this.#dirty.size > 0 || signal.aborted) return;
    this.#changed = Promise.withResolvers();
    const stop = (): void => this.#changed.resolve();
    signal.addEventListener("abort", stop, { once: true });
    await this.#changed.promise;
    signal.removeEventListener("abort", stop);
  }

  #mark(keys: readonly ObjectKey[]): void {
    for (const key of keys) this.#dirty.add(key);
    if (keys.length > 0) this.#changed.resolve();
  }

  #plan(key: ObjectKey): ServicePlan {
    const service = this.#services.lister.get(key);
    if (service === undefined) return emptyPlan;
    return plan(service, this.#slices.lister.byIndex(SERVICE_INDEX, key), this.#options);
  }
}
