/** An API server at work: its listeners, its in-process clients, its end. @module */
import type { Store } from "#storage";
import { latchCheck, Metrics, type MetricDefinition } from "#component-base";
import { notFound, type Clock, type Kind, type KubeObject, type Logger } from "#apimachinery";
import type { ObjectRef, Transport } from "#client";
import { AGGREGATOR_METRICS, type Aggregator } from "./aggregation/index.ts";
import { authenticatorChain, frontProxy } from "./authn/index.ts";
import type { Auditor } from "./audit/auditor.ts";
import { systemContext } from "./bootstrap/bootstrap.ts";
import { runCompactor } from "./compactor.ts";
import { discoveryPaths, discoveryRoute } from "./discovery/index.ts";
import { FlowConfiguration, newFlowControl, type FlowControl } from "./flowcontrol/index.ts";
import { debugRoute, renderFlowMetrics } from "./flowcontrol/index.ts";
import type { Encryption } from "./encryption/index.ts";
import type { Dispatcher } from "./handlers/dispatch.ts";
import { ApiHandler } from "./http/api-handler.ts";
import { FanOut } from "./http/fan-out.ts";
import { Presence } from "./identity/presence.ts";
import { HttpsServer } from "./http/https-server.ts";
import { GracefulShutdown } from "./http/graceful-shutdown.ts";
import { InFlight } from "./http/in-flight.ts";
import type { Route } from "./http/route.ts";
import { serverChecks } from "./http/server-checks.ts";
import type { ServerMetrics } from "./http/server-metrics.ts";
import { healthRoute, indexRoute, metricsRoute, slisRoute, versionRoute } from "./http/system-routes.ts";
import { UpgradeExchange } from "./http/upgrade-exchange.ts";
import { installedProse, openApiRoute } from "./openapi/index.ts";
import { InProcessTransport } from "./in-process/in-process-transport.ts";
import type { ApiServer, ApiServerOptions, Limits, ListenAddress } from "./options.ts";
import type { Registry } from "./registry/registry.ts";
import type { SchemeSource } from "./registry/served-kinds.ts";
import { SECURITY_METRICS } from "./security-metrics.ts";
import { loopbackUser, type Authenticator, type Authorizer, type UserInfo } from "./user-info.ts";
import { groupResourceOfKey } from "./watchcache/storage-key.ts";
import { yieldToLoop, type WatchCache } from "./watchcache/watch-cache.ts";

const COMPACTION_INTERVAL_MS = 5 * 60_000;

/** What is done before `ready`, under upstream's names and in its order. */
const HOOKS: readonly string[] = [
  "start-apiextensions-controllers",
  "crd-informer-synced",
  "bootstrap-controller",
  "rbac/bootstrap-roles",
  "scheduling/bootstrap-system-priority-classes",
  "priority-and-fairness-config-producer",
  "apiservice-registration-controller",
];

const METRICS: readonly MetricDefinition[] = [
  ...AGGREGATOR_METRICS,
  ...SECURITY_METRICS,
  {
    type: "gauge",
    name: "apiserver_current_inflight_requests",
    help: "Requests running now, watches not counted.",
    labels: ["request_kind"],
  },
  {
    type: "gauge",
    name: "apiserver_storage_objects",
    help: "Stored objects by resource; apiserver_resource_objects tells the same.",
    labels: ["resource"],
  },
  {
    type: "gauge",
    name: "apiserver_resource_objects",
    help: "Stored objects by group and resource.",
    labels: ["group", "resource"],
  },
  {
    type: "gauge",
    name: "apiserver_registered_watchers",
    help: "Watches running now, by resource.",
    labels: ["resource"],
  },
];

export interface RunningServerParts {
  readonly options: ApiServerOptions;
  /** As the server sees it: measured, and decrypted. */
  readonly store: Store;
  /** Absent: nothing is encrypted. */
  readonly encryption: Encryption | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly limits: Limits;
  readonly registry: Registry;
  readonly watchCache: WatchCache;
  readonly closing: AbortController;
  readonly authorizer: Authorizer;
  readonly metrics: ServerMetrics;
  /** Absent: nothing is audited. */
  readonly auditor: Auditor | undefined;
}

export class RunningServer implements ApiServer {
  readonly #parts: RunningServerParts;
  readonly #inFlight: InFlight;
  readonly #flowControl: FlowControl | undefined;
  readonly #flowConfiguration: FlowConfiguration | undefined;
  readonly #fanOut: FanOut;
  readonly #metrics = new Metrics(METRICS);
  readonly #hooks = HOOKS.map((name) => latchCheck(`poststarthook/${name}`));
  readonly #https: HttpsServer | undefined;
  readonly #shutdown: GracefulShutdown;
  #closed: Promise<void> | undefined;
  #compacting: Promise<void> = Promise.resolve();
  #presence: Presence | undefined;
  #dispatcher: Dispatcher | undefined;
  #handler: ApiHandler | undefined;
  #address = "";

  constructor(parts: RunningServerParts) {
    this.#parts = parts;
    const isFair = parts.options.priorityAndFairness ?? true;
    this.#inFlight = new InFlight(parts.clock, parts.limits, !isFair);
    if (isFair) {
      const control = (this.#flowControl = newFlowControl(parts));
      const context = systemContext(parts.closing.signal);
      const transport = (): Transport => this.transport();
      this.#flowConfiguration = new FlowConfiguration({ ...parts, control, transport, context });
    }
    this.#fanOut = new FanOut(parts.clock);
    this.#shutdown = new GracefulShutdown({
      clock: parts.clock,
      delayMs: parts.options.shutdownDelayMs ?? 0,
      drainMs: parts.limits.requestTimeoutMs,
      stopListening: () => this.#https?.stopListening(),
      isIdle: () => this.#inFlight.readOnly + this.#inFlight.mutating === 0 && this.#fanOut.isIdle,
    });
    this.#metrics.onExpose(() => this.#collect());
    parts.options.securityMetrics?.bind(this.#metrics);
    const { tls, requestHeader } = parts.options;
    if (tls !== undefined) {
      this.#https = new HttpsServer(withProxies(tls, requestHeader?.clientCa), {
        onExchange: (exchange) => void this.#handler?.handle(exchange),
        onUpgrade: (request, socket, head, credentials) => {
          const exchange = new UpgradeExchange(request, socket, credentials);
          void this.#handler?.handle(exchange, { request, socket, head });
        },
        onAcceptError: (err) => parts.logger.error("A connection could not be accepted", { err }),
      });
    }
  }

  /** Everything that is no resource. */
  routes(kinds: SchemeSource, aggregator: Aggregator): readonly Route[] {
    this.#metrics.onExpose(() => aggregator.collect(this.#metrics));
    const { options, clock, logger, metrics, watchCache } = this.#parts;
    const checks = serverChecks({ store: options.store, watchCache, hooks: this.#hooks });
    const readyz = [...checks.readyz, this.#shutdown.check];
    return [
      ...(options.routes ?? []),
      aggregator.route,
      aggregator.inProcessRoute,
      indexRoute(() => discoveryPaths(kinds.scheme, aggregator.discovery)),
      versionRoute({}),
      healthRoute({ ...checks, readyz }, metrics.slis, logger),
      metricsRoute(this.#metrics, this.#otherMetrics()),
      slisRoute(metrics.slis),
      ...(this.#flowControl === undefined ? [] : [debugRoute(this.#flowControl, clock)]),
      discoveryRoute(kinds, () => this.#address, aggregator.discovery),
      openApiRoute({ kinds, clock, findProse: installedProse, remotes: aggregator.openApi }),
    ];
  }

  use(dispatcher: Dispatcher): void {
    const { options, clock, random, logger, limits, closing, authorizer, metrics, auditor } = this.#parts;
    this.#dispatcher = dispatcher;
    this.#handler = new ApiHandler({
      dispatcher,
      authenticator: authenticatorOf(options, clock),
      allowsAnonymous: options.allowsAnonymous,
      frontProxyHeaders: options.requestHeader?.usernameHeaders ?? [],
      authorizer,
      inFlight: this.#inFlight,
      flowControl: this.#flowControl,
      metrics: metrics.requests,
      fanOut: this.#fanOut,
      clock,
      random,
      logger,
      limits,
      auditor,
      goawayChance: options.goawayChance ?? 0,
      retryAfterOnShutdown: options.shutdownSendRetryAfter ?? false,
      draining: this.#shutdown.draining,
      closing: closing.signal,
    });
    this.#scheduleBookmarks();
  }

  /** Follows flow control's configuration, and creates what every server has of it. */
  async startFlowControl(): Promise<void> {
    this.#flowConfiguration?.follow();
    await this.#flowConfiguration?.start();
  }

  ready(): void {
    for (const hook of this.#hooks) hook.done();
    const { options, watchCache, clock, logger, closing } = this.#parts;
    const { store, compactionIntervalMs: intervalMs = COMPACTION_INTERVAL_MS } = options;
    if (intervalMs === 0) return;
    this.#compacting = runCompactor({ store, watchCache, clock, logger, intervalMs }, closing.signal);
  }

  async listen(addresses: readonly ListenAddress[]): Promise<readonly ListenAddress[]> {
    if (this.#https === undefined)
      throw new Error("The API server was given no TLS certificate to listen with");
    const bound: ListenAddress[] = [];
    for (const address of addresses) bound.push(await this.#https.listen(address));
    const { advertiseAddress, securePort } = this.#parts.options;
    const first = bound[0];
    if (first === undefined) return bound;
    this.#address = `${advertiseAddress ?? first.host}:${securePort ?? first.port}`;
    const { hostname } = this.#parts.options;
    const context = systemContext(this.#parts.closing.signal);
    const shown = { hostname, advertiseAddress, securePort: securePort ?? first.port, context };
    this.#presence = new Presence({ ...this.#parts, ...shown });
    await this.#presence.start();
    return bound;
  }

  useCertificate(changed: { readonly cert: string; readonly key: string; readonly clientCa?: string }): void {
    const { tls, requestHeader } = this.#parts.options;
    const clientCa = changed.clientCa ?? tls?.clientCa;
    const own = { ...changed, ...(clientCa !== undefined && { clientCa }) };
    this.#https?.useCertificate(withProxies(own, requestHeader?.clientCa));
  }

  transport(user: UserInfo = loopbackUser): Transport {
    const { clock, random, auditor } = this.#parts;
    const { draining } = this.#shutdown;
    return new InProcessTransport({ dispatcher: this.#dispatcher!, clock, random, user, auditor, draining });
  }

  async get<T extends KubeObject>(kind: Kind<T>, { namespace = "", name }: ObjectRef): Promise<T> {
    const { group, names } = kind;
    const store = this.#parts.registry.findStore(`${group === "" ? "core" : group}/${names.plural}`);
    if (store === undefined) throw notFound({ group, resource: names.plural }, name);
    return (await store.get(namespace, name)).object as T;
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    const { closing, watchCache, auditor } = this.#parts;
    await this.#presence?.stop();
    await this.#shutdown.run();
    closing.abort(new Error("The API server is closing"));
    await this.#flowConfiguration?.stopped();
    await watchCache.stopped();
    await this.#compacting;
    await this.#https?.close(this.#parts.clock);
    if (auditor === undefined) return;
    await yieldToLoop(); // connections that were cut have a last word, too
    await auditor.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** One timer tells all watchers how far they are, so that a reconnect need not start over. */
  #scheduleBookmarks(): void {
    const { clock, limits, closing, watchCache } = this.#parts;
    clock.after(limits.bookmarkIntervalMs, () => {
      if (closing.signal.aborted) return;
      for (const [, cache] of watchCache.resources()) {
        for (const watcher of cache.watchers()) {
          if (watcher.wantsBookmarks) watcher.offerBookmark(watchCache.revision);
        }
      }
      this.#scheduleBookmarks();
    });
  }

  #otherMetrics(): readonly (() => string)[] {
    const { metrics, auditor, clock, encryption } = this.#parts;
    const { requests, admission, store, component } = metrics;
    const control = this.#flowControl;
    return [
      ...[requests, admission, store].map((part) => () => part.render()),
      component,
      ...(encryption === undefined ? [] : [() => encryption.metrics.render()]),
      ...(auditor === undefined ? [] : [() => auditor.metrics.render()]),
      ...(control === undefined ? [] : [() => renderFlowMetrics(control, clock.monotonicMs())]),
    ];
  }

  #collect(): void {
    for (const kind of ["readOnly", "mutating"] as const) {
      // Those that wait for seats are told of by flow control.
      const waiting = this.#flowControl?.readWrite.count(kind, "waiting") ?? 0;
      const running = Math.max(0, this.#inFlight[kind] - waiting);
      this.#metrics.set("apiserver_current_inflight_requests", { request_kind: kind }, running);
    }
    for (const [key, cache] of this.#parts.watchCache.resources()) {
      const { group, resource } = groupResourceOfKey(key);
      const name = group === "" ? resource : `${resource}.${group}`;
      this.#metrics.set("apiserver_storage_objects", { resource: name }, cache.size);
      this.#metrics.set("apiserver_resource_objects", { group, resource }, cache.size);
      this.#metrics.set("apiserver_registered_watchers", { resource: name }, cache.watcherCount);
    }
  }
}

/** Front proxies are asked first, as upstream: their certificate is good for nothing else. */
function authenticatorOf(
  { authenticator, requestHeader }: Pick<ApiServerOptions, "authenticator" | "requestHeader">,
  clock: Clock,
): Authenticator | undefined {
  if (requestHeader === undefined) return authenticator;
  const others = authenticator === undefined ? [] : [authenticator];
  return authenticatorChain([frontProxy(requestHeader, { clock }), ...others]);
}

/** Front proxies have an authority of their own. */
function withProxies(
  tls: NonNullable<ApiServerOptions["tls"]>,
  proxyCa: string | undefined,
): NonNullable<ApiServerOptions["tls"]> {
  const authorities = [tls.clientCa, proxyCa].filter((pem) => pem !== undefined);
  return {
    cert: tls.cert,
    key: tls.key,
    ...(authorities.length > 0 && { clientCa: authorities.join("\n") }),
  };
}
