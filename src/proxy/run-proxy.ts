/** Keeps this node's nftables in step with Services and EndpointSlices, and tells load balancers how it is. @module */
import { Nodes } from "#api/core/v1/node";
import type { IpFamily } from "#api/validation/ip";
import { apiVersionOf, type Clock, type KubeObject, type Logger, pause } from "#apimachinery";
import type { EventRecorder, InformerFactory } from "#client";
import { deleteStaleFlows, type Flows, type HttpSecurity, type Metrics } from "#component-base";
import { canonical, FAMILIES, listenAddresses, nodePortAddresses, ofFamily } from "./addresses.ts";
import { ChangeTracker, type Plans } from "./change-tracker.ts";
import { ProxyHealth, serveProxyHealth } from "./health/proxy-health.ts";
import { ServiceHealthServers } from "./health/service-health.ts";
import { ProxyMetrics } from "./metrics/proxy-metrics.ts";
import { serveMetrics } from "./metrics/serve-metrics.ts";
import { DIALECTS, tablesOf } from "./nftables/dialect.ts";
import type { HttpAddress } from "./config/fields.ts";
import type { MasqueradeOptions } from "./nftables/masquerade.ts";
import type { NftRunner } from "./nftables/nft-runner.ts";
import { removal, ServiceTable } from "./service-table.ts";
import { TriggerTimes } from "./trigger-times.ts";

export interface ProxyOptions extends Omit<MasqueradeOptions, "clusterCIDRs"> {
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
  readonly healthz?: HttpAddress & { readonly secure?: HttpSecurity };
  /** Where `/metrics` is served; absent: nowhere. */
  readonly metrics?: HttpAddress;
  /** What the client counts, to be shown with the rest. */
  readonly counts?: Metrics;
  readonly events?: EventRecorder;
  /** How long at most until what failed is tried again; default 30 s. It is unhealthy if a change waits twice as long. */
  readonly syncMs?: number;
  /** Between two transactions at least; default 0. */
  readonly minSyncMs?: number;
  /** Set before anything else. */
  readonly sysctls?: readonly (readonly [name: string, value: string])[];
}

/** Changes that come within this time share a transaction. */
const BATCH_MS = 5;
/** After a failure the whole table is written anew, at growing intervals. */
const RETRY_MS = 1_000;
const SYNC_MS = 30_000;

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
  for (const [name, value] of options.sysctls ?? []) await setSysctl(options, name, value);
  const health = new ProxyHealth(names, clock, 2 * (options.syncMs ?? SYNC_MS));
  const metrics = new ProxyMetrics(names, clock, options.counts);
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
  options.events?.event(nodeOf(nodeName), "Normal", "Starting", "", { action: "StartKubeProxy" });
  await informers.waitForSync(signal);
  await keepTables({ options, families, changes, health, metrics, triggers }, signal);
}

async function setSysctl({ sysctl, logger }: ProxyOptions, name: string, value: string): Promise<void> {
  logger.info("Set sysctl", { name, value });
  await sysctl?.(name, value).catch((cause: unknown) => {
    const why = (cause as Error).message;
    throw new Error(`could not set conntrack parameters from kube-proxy configuration: ${why}`, { cause });
  });
}

/** As events name it. */
function nodeOf(name: string): KubeObject {
  return { apiVersion: apiVersionOf(Nodes), kind: "Node", metadata: { name } };
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
  const { nft, nodeIPs, nodeName, logger, events, serviceCIDRs, sysctl } = options;
  const own = options.machineAddresses?.() ?? nodeIPs;
  const nodePorts = nodePortAddresses(options.nodePortAddresses ?? [], { family, nodeIPs, own });
  const table = new ServiceTable({
    dialect: DIALECTS[family],
    nft,
    serviceCIDRs,
    masquerade: options,
    nodePorts,
    sysctl,
    logger,
  });
  await table.open(signal);
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
  const { clock, logger, syncMs = SYNC_MS, minSyncMs = 0 } = options;
  let retryMs = RETRY_MS;
  while (!signal.aborted) {
    const isDamaged = families.some(({ table }) => table.isDamaged);
    const plans = await changes.take(isDamaged);
    const beginMs = clock.monotonicMs();
    if (isDamaged || [...plans.values()].some(({ size }) => size > 0)) health.queued();
    try {
      await keepFamilies(proxy, plans, signal);
      retryMs = RETRY_MS;
      await changes.next(signal);
      await clock.sleep(Math.max(BATCH_MS, beginMs + minSyncMs - clock.monotonicMs()), signal);
    } catch (err) {
      if (signal.aborted) return;
      logger.error("nftables transaction failed; the whole table will be written again", {
        err,
        retryMs,
      });
      await pause(clock, retryMs, signal);
      retryMs = Math.min(retryMs * 2, syncMs);
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
