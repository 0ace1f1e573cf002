/** Keeps this node's nftables in step with Services and EndpointSlices, and tells load balancers how it is. @module */
import type { IpFamily } from "#api/validation/ip";
import { type Clock, type Logger, pause } from "#apimachinery";
import type { EventRecorder, InformerFactory } from "#client";
import { deleteStaleFlows, type Flows } from "#component-base";
import { canonical, FAMILIES, listenAddresses, nodePortAddresses, ofFamily } from "./addresses.ts";
import { ChangeTracker, type Plans } from "./change-tracker.ts";
import { ProxyHealth, serveProxyHealth } from "./health/proxy-health.ts";
import { ServiceHealthServers } from "./health/service-health.ts";
import { ProxyMetrics } from "./metrics/proxy-metrics.ts";
import { serveMetrics } from "./metrics/serve-metrics.ts";
import { DIALECTS, tablesOf } from "./nftables/dialect.ts";
import type { NftRunner } from "./nftables/nft-runner.ts";
import { removal, ServiceTable } from "./service-table.ts";
import { TriggerTimes } from "./trigger-times.ts";

export interface ProxyOptions {
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodeName: string;
  /** One of each family at most, as in the two lists that follow; families that the node has no address of are left alone. */
  readonly nodeIPs: readonly string[];
  /** Of pods: who comes from elsewhere to a cluster address gets the node's address. */
  readonly clusterCIDRs: readonly string[];
  readonly serviceCIDRs: readonly string[];
  readonly nft: NftRunner;
  /** Where node ports answer: ranges of this machine's addresses, or `primary`, the default: on `nodeIPs`. */
  readonly nodePortAddresses?: readonly string[];
  /** Addresses of this machine, asked for once. */
  readonly machineAddresses?: () => readonly string[];
  /** Sets `net.ipv4.…`; needed for node ports on loopback only. */
  readonly sysctl?: (name: string, value: string) => Promise<void>;
  /** Where `/healthz` and `/livez` are served; absent: nowhere. */
  readonly healthz?: HttpAddress;
  /** Where `/metrics` is served; absent: nowhere. */
  readonly metrics?: HttpAddress;
  readonly events?: EventRecorder;
}

interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

/** Changes that come within this time share a transaction. */
const BATCH_MS = 5;
/** After a failure the whole table is written anew, at growing intervals. */
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 30_000;

interface Proxy {
  readonly options: ProxyOptions;
  readonly families: readonly FamilyProxy[];
  readonly changes: ChangeTracker;
  readonly health: ProxyHealth;
  readonly metrics: ProxyMetrics;
  readonly triggers: TriggerTimes;
}

interface FamilyProxy {
  readonly family: IpFamily;
  readonly table: ServiceTable;
  readonly healthServers: ServiceHealthServers;
  /** Addresses that node ports may be sent to, for flows. */
  readonly nodeAddresses: ReadonlySet<string>;
}

/** Resolves when `signal` aborts. The rules stay: connections go on while the agent restarts. */
export async function runProxy(options: ProxyOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger, informers, nodeName, nodeIPs, healthz } = options;
  const names = FAMILIES.filter((family) => ofFamily(nodeIPs, family).length > 0);
  const health = new ProxyHealth(names, clock);
  const metrics = new ProxyMetrics(names, clock);
  const triggers = new TriggerTimes(clock.now());
  const onChange = (): void => health.queued();
  await using servers = new AsyncDisposableStack();
  if (options.metrics !== undefined)
    servers.use(await serveMetrics({ ...options.metrics, metrics: metrics.metrics, logger }));
  const families: FamilyProxy[] = [];
  for (const family of names) families.push(await openFamily(family, { options, health, servers }, signal));
  const changes = new ChangeTracker({
    informers,
    families: names,
    nodeName,
    nodeIPs,
    metrics,
    triggers,
    onChange,
  });
  if (healthz !== undefined) {
    const onAnswer = (path: string, status: number): void => metrics.answered(path, status);
    servers.use(await serveProxyHealth({ ...healthz, health, node: () => changes.node(), logger, onAnswer }));
  }
  informers.start(signal);
  await informers.waitForSync(signal);
  await keepTables({ options, families, changes, health, metrics, triggers }, signal);
}

interface Opening {
  readonly options: ProxyOptions;
  readonly health: ProxyHealth;
  readonly servers: AsyncDisposableStack;
}

/** Closes the service range of the family at once. */
async function openFamily(
  family: IpFamily,
  { options, health, servers }: Opening,
  signal: AbortSignal,
): Promise<FamilyProxy> {
  const { nft, nodeIPs, nodeName, logger, events, serviceCIDRs, clusterCIDRs } = options;
  const own = options.machineAddresses?.() ?? nodeIPs;
  const nodePorts = nodePortAddresses(options.nodePortAddresses ?? [], { family, nodeIPs, own });
  const table = new ServiceTable({ dialect: DIALECTS[family], nft, serviceCIDRs, clusterCIDRs, nodePorts });
  await table.open(signal);
  if (nodePorts.type === "some" && nodePorts.hasLoopback)
    await options.sysctl?.("net.ipv4.conf.all.route_localnet", "1");
  const healthServers = servers.use(
    new ServiceHealthServers({
      hosts: listenAddresses(family, nodePorts),
      nodeName,
      isHealthy: () => health.now().healthy,
      logger,
      ...(events !== undefined && { events }),
    }),
  );
  return {
    family,
    table,
    healthServers,
    nodeAddresses: new Set(ofFamily([...nodeIPs, ...own], family).map(canonical)),
  };
}

async function keepTables(proxy: Proxy, signal: AbortSignal): Promise<void> {
  const { options, families, changes, health } = proxy;
  const { clock, logger } = options;
  let retryMs = RETRY_MS;
  while (!signal.aborted) {
    const isDamaged = families.some(({ table }) => table.isDamaged);
    const plans = await changes.take(isDamaged);
    if (isDamaged || [...plans.values()].some(({ size }) => size > 0)) health.queued();
    try {
      await keepFamilies(proxy, plans, signal);
      retryMs = RETRY_MS;
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

/** What fails for one family must not be lost for the other: its plans are not made again. */
async function keepFamilies(proxy: Proxy, plans: Plans, signal: AbortSignal): Promise<void> {
  const failures: unknown[] = [];
  for (const one of proxy.families)
    await keepFamily(proxy, one, plans, signal).catch((err: unknown) => failures.push(err));
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, "no address family could be served");
}

async function keepFamily(
  { options, changes, health, metrics, triggers }: Proxy,
  { family, table, healthServers, nodeAddresses }: FamilyProxy,
  plans: Plans,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger } = options;
  const planned = plans.get(family)!;
  const isFull = table.isDamaged;
  const triggersMs = triggers.take(family);
  const begin = clock.monotonicMs();
  try {
    await table.commit(planned, changes.serviceRanges(), signal);
  } catch (err) {
    if (!signal.aborted) metrics.failed(family);
    throw err;
  }
  const durationMs = clock.monotonicMs() - begin;
  const { withoutLocal } = table;
  health.updated(family);
  metrics.synced(family, { isFull, durationMs, withoutLocal, triggersMs });
  await healthServers.sync(table.healthChecks);
  const served: Flows = new Map([...planned.values()].flatMap(({ flows }) => [...flows]));
  const before = clock.monotonicMs();
  const deleted = await deleteStaleFlows({ served, nodeIPs: nodeAddresses, logger, family }, signal);
  metrics.flowsDeleted(family, deleted, clock.monotonicMs() - before);
}

/** Removes everything the proxy put on this machine. */
export async function cleanupProxy(nft: NftRunner, signal: AbortSignal): Promise<void> {
  for (const family of FAMILIES) {
    const lines = tablesOf(DIALECTS[family]).flatMap((table) => removal(table));
    await nft.apply(`${lines.join("\n")}\n`, signal);
  }
}
