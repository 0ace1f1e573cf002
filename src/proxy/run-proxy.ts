/** Keeps this node's nftables in step with Services and EndpointSlices, and tells load balancers how it is. @module */
import { type Clock, type Logger, type ObjectKey, pause } from "#apimachinery";
import type { EventRecorder, InformerFactory } from "#client";
import { deleteStaleFlows, type Flows } from "#component-base";
import { nodePortAddresses, type NodePortAddresses } from "./addresses.ts";
import { ChangeTracker } from "./change-tracker.ts";
import { ProxyHealth, serveProxyHealth } from "./health/proxy-health.ts";
import { ServiceHealthServers } from "./health/service-health.ts";
import { TABLE } from "./nftables/base-table.ts";
import type { NftRunner } from "./nftables/nft-runner.ts";
import { ServiceTable } from "./service-table.ts";
import type { ServicePlan } from "./plan.ts";

export interface ProxyOptions {
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodeName: string;
  readonly nodeIPs: readonly string[];
  readonly clusterCIDR: string;
  readonly serviceCIDR: string;
  readonly nft: NftRunner;
  /** Where node ports answer: ranges of this machine's addresses, or `primary`, the default: on `nodeIPs`. */
  readonly nodePortAddresses?: readonly string[];
  /** Addresses of this machine, asked for once. */
  readonly machineAddresses?: () => readonly string[];
  /** Sets `net.ipv4.…`; needed for node ports on loopback only. */
  readonly sysctl?: (name: string, value: string) => Promise<void>;
  /** Where `/healthz` and `/livez` are served; absent: nowhere. */
  readonly healthz?: { readonly host: string; readonly port: number };
  readonly events?: EventRecorder;
  /** Told after each transaction: how many services it changed and how long it took. */
  readonly onSync?: (services: number, durationMs: number) => void;
}

/** Changes that come within this time share a transaction. */
const BATCH_MS = 5;
/** After a failure the whole table is written anew, at growing intervals. */
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 30_000;
const ANY_ADDRESS = "0.0.0.0";

interface Proxy {
  readonly options: ProxyOptions;
  readonly table: ServiceTable;
  readonly changes: ChangeTracker;
  readonly health: ProxyHealth;
  readonly healthServers: ServiceHealthServers;
  /** Addresses that node ports may be sent to, for flows. */
  readonly nodeAddresses: ReadonlySet<string>;
}

/** Resolves when `signal` aborts. The rules stay: connections go on while the agent restarts. */
export async function runProxy(options: ProxyOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger, informers, nodeName, clusterCIDR, nodeIPs, healthz, events } = options;
  const own = options.machineAddresses?.() ?? nodeIPs;
  const nodePorts = nodePortAddresses(options.nodePortAddresses ?? [], nodeIPs, own);
  const table = new ServiceTable(options.nft, { serviceCIDR: options.serviceCIDR, nodePorts });
  await closeServiceRange(table, nodePorts, options, signal);
  if (nodePorts.type === "some" && nodePorts.hasLoopback)
    await options.sysctl?.("net.ipv4.conf.all.route_localnet", "1");
  const health = new ProxyHealth(clock);
  const onChange = (): void => health.queued();
  const changes = new ChangeTracker({ informers, nodeName, clusterCIDR, nodeIPs, onChange });
  const hosts = nodePorts.type === "all" ? [ANY_ADDRESS] : nodePorts.ips;
  await using servers = new AsyncDisposableStack();
  const healthServers = servers.use(
    new ServiceHealthServers({
      hosts,
      nodeName,
      isHealthy: () => health.now().healthy,
      logger,
      ...(events !== undefined && { events }),
    }),
  );
  if (healthz !== undefined)
    servers.use(await serveProxyHealth({ ...healthz, health, node: () => changes.node(), logger }));
  informers.start(signal);
  await informers.waitForSync(signal);
  const nodeAddresses = new Set([...nodeIPs, ...own]);
  await keepTable({ options, table, changes, health, healthServers, nodeAddresses }, signal);
}

async function keepTable(proxy: Proxy, signal: AbortSignal): Promise<void> {
  const { options, table, changes, health, healthServers } = proxy;
  const { clock, logger } = options;
  let retryMs = RETRY_MS;
  while (!signal.aborted) {
    const begin = clock.monotonicMs();
    const plans = await changes.take(table.isDamaged);
    if (plans.size > 0 || table.isDamaged) health.queued();
    try {
      await table.commit(plans, changes.serviceRanges(), signal);
      health.updated();
      retryMs = RETRY_MS;
      options.onSync?.(plans.size, clock.monotonicMs() - begin);
      await healthServers.sync(table.healthChecks());
      await deleteStaleFlows({ served: flowsOf(plans), nodeIPs: proxy.nodeAddresses, logger }, signal);
      await changes.next(signal);
      await clock.sleep(BATCH_MS, signal);
    } catch (err) {
      if (signal.aborted) return;
      logger.error("nftables transaction failed; the whole table will be written again", {
        err,
        retryMs,
      });
      await pause(clock, retryMs, signal);
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
    }
  }
}

function flowsOf(plans: ReadonlyMap<ObjectKey, ServicePlan>): Flows {
  return new Map([...plans.values()].flatMap(({ flows }) => [...flows]));
}

/** Removes everything the proxy put on this machine. */
export async function cleanupProxy(nft: NftRunner, signal: AbortSignal): Promise<void> {
  await nft.apply(`add table ${TABLE}\ndelete table ${TABLE}\n`, signal);
}

/** A table that an earlier agent left refuses the range already, and serves: it stays until the first transaction. */
async function closeServiceRange(
  table: ServiceTable,
  nodePorts: NodePortAddresses,
  { nft, nodeIPs }: ProxyOptions,
  signal: AbortSignal,
): Promise<void> {
  const ips = nodePorts.type === "all" ? nodeIPs : nodePorts.ips;
  const probe = `add element ${TABLE} nodeport-ips { ${ips.join(" , ")} }\n`;
  await nft.apply(probe, signal).catch(() => table.close(signal));
}
