/** The name server: the cluster's names on UDP and TCP, other names by asking others, and what it says of itself. @module */
import { once } from "node:events";
import type { ConfigMap } from "#api/core/v1/types.gen";
import type { Clock, Logger } from "#apimachinery";
import { textAnswer, type Live } from "#component-base";
import type { InformerFactory, SharedInformer } from "#client";
import { CONFIG_NAME, dnsConfigOf, type DnsConfig } from "./dns-config.ts";
import { DnsMetrics } from "./dns-metrics.ts";
import { followCluster } from "./follow-cluster.ts";
import { systemExchange } from "./forward/exchange.ts";
import { Forwarder } from "./forward/forwarder.ts";
import { serveEndpoint, type HttpAddress, type HttpEndpoint } from "./http-endpoints.ts";
import { listen, type ListenAddress } from "./listen.ts";
import { Resolver } from "./resolver.ts";

export interface DnsOptions {
  readonly informers: InformerFactory;
  readonly listen: readonly ListenAddress[];
  readonly clusterDomain: string;
  /** Resolvers for other names, as `1.2.3.4` or `1.2.3.4:5353`; none: those are refused. What changes holds at once. */
  readonly upstreams: Live<readonly string[]>;
  /** The ConfigMap `kube-dns` of kube-system goes before `upstreams`. Of a factory of its own, for which nothing waits. */
  readonly configMaps?: {
    readonly informers: Pick<InformerFactory, "start">;
    readonly informer: SharedInformer<ConfigMap>;
  };
  /** Where CoreDNS' `/metrics` (9153), `/health` (8080) and `/ready` (8181) are served; absent: nowhere. */
  readonly metrics?: HttpAddress;
  readonly health?: HttpAddress;
  readonly ready?: HttpAddress;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told once when every socket is bound, with the ports in order. */
  readonly onListening?: (ports: readonly number[]) => void;
  /** Told of each of the three above that is served. */
  readonly onEndpoint?: (path: HttpEndpoint["path"], port: number) => void;
}

/** Resolves when `signal` aborts. Rejects if an address cannot be bound. */
export async function runDns(options: DnsOptions, signal: AbortSignal): Promise<void> {
  const { informers, clusterDomain, logger, clock } = options;
  const domain = clusterDomain.toLowerCase();
  const [first] = options.listen;
  const metrics = new DnsMetrics(`dns://${first?.host ?? ""}:${first?.port ?? 0}`);
  const forwarder = new Forwarder({
    config: configOf(undefined, options),
    exchange: systemExchange,
    clock,
    events: metrics.forwarderEvents(),
  });
  metrics.watchCache(forwarder.cache);
  const zone = followCluster(informers, domain, () => resolver.forget());
  const resolver = new Resolver({ zone, domain, forwarder, metrics, clock }, signal);
  let isReady = false;
  await using servers = new AsyncDisposableStack();
  for (const endpoint of endpointsOf(options, metrics, () => isReady)) {
    const { port } = servers.use(await serveEndpoint(endpoint, logger));
    options.onEndpoint?.(endpoint.path, port);
  }
  followConfig(forwarder, options, signal);
  informers.start(signal);
  await informers.waitForSync(signal);

  const ports: number[] = [];
  for (const address of options.listen) ports.push(servers.use(await listen(address, resolver, logger)).port);
  isReady = true;
  options.onListening?.(ports);
  const addresses = options.listen.map(({ host }) => host);
  logger.info("cluster DNS answers", { addresses, domain });
  if (!signal.aborted) await once(signal, "abort");
}

/** Names are answered before the configuration is known: whoever may not read it has none. */
function followConfig(forwarder: Forwarder, options: DnsOptions, signal: AbortSignal): void {
  const { configMaps, upstreams, logger } = options;
  let configMap: ConfigMap | undefined;
  const apply = (): void => {
    forwarder.configure(configOf(configMap, options));
    logger.info("DNS forwards by its configuration", { found: configMap !== undefined });
  };
  upstreams.follow(apply, signal);
  if (configMaps === undefined) return;
  const tell = (changed: ConfigMap, now: ConfigMap | undefined): void => {
    if (changed.metadata.name !== CONFIG_NAME) return;
    configMap = now;
    apply();
  };
  configMaps.informer.addEventHandler({
    onAdd: (added) => tell(added, added),
    onUpdate: (updated) => tell(updated, updated),
    onDelete: (deleted) => tell(deleted, undefined),
  });
  configMaps.informers.start(signal);
}

/** Without the server itself among the resolvers, which would ask itself for ever. */
function configOf(configMap: ConfigMap | undefined, options: DnsOptions): DnsConfig {
  const { config, problems } = dnsConfigOf(configMap, options.upstreams.current);
  for (const problem of problems) options.logger.error("DNS configuration", { problem });
  const isSelf = (server: ListenAddress): boolean =>
    options.listen.some(({ host, port }) => host === server.host && port === server.port);
  const others = (servers: DnsConfig["upstreams"]): DnsConfig["upstreams"] =>
    servers.filter((server) => !isSelf(server));
  const stubs = [...config.stubDomains].map(([domain, servers]) => [domain, others(servers)] as const);
  return { upstreams: others(config.upstreams), stubDomains: new Map(stubs) };
}

function endpointsOf(
  { metrics, health, ready }: DnsOptions,
  counts: DnsMetrics,
  isReady: () => boolean,
): readonly HttpEndpoint[] {
  const endpoints: HttpEndpoint[] = [];
  if (metrics !== undefined) {
    const answer: HttpEndpoint["answer"] = async () => {
      return { status: 200, contentType: counts.contentType, body: await counts.expose() };
    };
    endpoints.push({ path: "/metrics", address: metrics, answer });
  }
  if (health !== undefined)
    endpoints.push({ path: "/health", address: health, answer: () => textAnswer(200, "OK") });
  if (ready !== undefined) {
    const answer: HttpEndpoint["answer"] = () =>
      isReady() ? textAnswer(200, "OK") : textAnswer(503, "kubernetes");
    endpoints.push({ path: "/ready", address: ready, answer });
  }
  return endpoints;
}
