/** An API server at work: its listeners, its in-process clients, its end. @module */
import { latchCheck, Metrics, pingCheck, type MetricDefinition } from "#component-base";
import type { Clock, Logger } from "#apimachinery";
import type { Transport } from "#client";
import { systemContext } from "./bootstrap/bootstrap.ts";
import { createOrReplace } from "./bootstrap/bootstrap-objects.ts";
import { kubernetesEndpoints } from "./bootstrap/kubernetes-service.ts";
import { runCompactor } from "./compactor.ts";
import { discoveryPaths, discoveryRoute } from "./discovery/index.ts";
import type { Dispatcher } from "./handlers/dispatch.ts";
import { ApiHandler } from "./http/api-handler.ts";
import { FanOut } from "./http/fan-out.ts";
import { HttpsServer } from "./http/https-server.ts";
import { InFlight } from "./http/in-flight.ts";
import { RequestMetrics } from "./http/request-metrics.ts";
import type { Route } from "./http/route.ts";
import { healthRoute, indexRoute, metricsRoute, versionRoute } from "./http/system-routes.ts";
import { UpgradeExchange } from "./http/upgrade-exchange.ts";
import { installedProse, openApiRoute } from "./openapi/index.ts";
import { InProcessTransport } from "./in-process/in-process-transport.ts";
import type { ApiServer, ApiServerOptions, Limits, ListenAddress } from "./options.ts";
import type { Registry } from "./registry/registry.ts";
import type { SchemeSource } from "./registry/served-kinds.ts";
import { loopbackUser, type Authorizer, type UserInfo } from "./user-info.ts";
import { groupResourceOfKey } from "./watchcache/storage-key.ts";
import type { WatchCache } from "./watchcache/watch-cache.ts";

/** How long `close` waits for running requests before it cuts them. */
const DRAIN_MS = 2_000;
const COMPACTION_INTERVAL_MS = 5 * 60_000;
const DRAIN_POLL_MS = 20;

const LOOPBACK = /^(127\.|::1$|localhost$)/;

const METRICS: readonly MetricDefinition[] = [
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
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly limits: Limits;
  readonly registry: Registry;
  readonly watchCache: WatchCache;
  readonly closing: AbortController;
  readonly authorizer: Authorizer;
}

export class RunningServer implements ApiServer {
  readonly #parts: RunningServerParts;
  readonly #inFlight: InFlight;
  readonly #fanOut: FanOut;
  readonly #requestMetrics = new RequestMetrics();
  readonly #metrics = new Metrics(METRICS);
  readonly #isReady = latchCheck("poststarthook/bootstrap-controller");
  readonly #https: HttpsServer | undefined;
  #compacting: Promise<void> = Promise.resolve();
  #dispatcher: Dispatcher | undefined;
  #handler: ApiHandler | undefined;
  #address = "";

  constructor(parts: RunningServerParts) {
    this.#parts = parts;
    this.#inFlight = new InFlight(parts.clock, parts.limits);
    this.#fanOut = new FanOut(parts.clock);
    this.#metrics.onExpose(() => this.#collect());
    const { tls } = parts.options;
    if (tls !== undefined) {
      this.#https = new HttpsServer(tls, {
        onExchange: (exchange) => void this.#handler?.handle(exchange),
        onUpgrade: (request, socket, head, credentials) => {
          const exchange = new UpgradeExchange(request, socket, credentials);
          void this.#handler?.handle(exchange, { request, socket, head });
        },
      });
    }
  }

  /** Everything that is no resource. */
  routes(kinds: SchemeSource): readonly Route[] {
    const { options, clock, logger } = this.#parts;
    const checks = [pingCheck, { name: "etcd", check: async () => void (await options.store.revision()) }];
    return [
      ...(options.routes ?? []),
      indexRoute(() => discoveryPaths(kinds.scheme)),
      versionRoute({}),
      healthRoute({ healthz: checks, livez: checks, readyz: [...checks, this.#isReady] }, logger),
      metricsRoute(this.#metrics, this.#requestMetrics),
      discoveryRoute(kinds, () => this.#address),
      openApiRoute({ kinds, clock, findProse: installedProse }),
    ];
  }

  use(dispatcher: Dispatcher): void {
    const { options, clock, random, logger, limits, closing, authorizer } = this.#parts;
    this.#dispatcher = dispatcher;
    this.#handler = new ApiHandler({
      dispatcher,
      authenticator: options.authenticator,
      authorizer,
      inFlight: this.#inFlight,
      metrics: this.#requestMetrics,
      fanOut: this.#fanOut,
      clock,
      random,
      logger,
      limits,
      closing: closing.signal,
    });
    this.#scheduleBookmarks();
  }

  ready(): void {
    this.#isReady.done();
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
    // A loopback address means another machine in every pod: it is no endpoint.
    if (advertiseAddress !== undefined && !LOOPBACK.test(advertiseAddress)) {
      const facts = { advertiseAddress, securePort: securePort ?? first.port };
      const { registry, closing } = this.#parts;
      await createOrReplace(registry, kubernetesEndpoints(facts), systemContext(closing.signal));
    }
    return bound;
  }

  transport(user: UserInfo = loopbackUser): Transport {
    const { clock, closing } = this.#parts;
    return new InProcessTransport({ dispatcher: this.#dispatcher!, clock, user, closing: closing.signal });
  }

  async close(): Promise<void> {
    const { closing, clock, watchCache } = this.#parts;
    if (closing.signal.aborted) return;
    closing.abort(new Error("The API server is closing"));
    this.#https?.stopListening();
    const deadline = clock.monotonicMs() + DRAIN_MS;
    const never = new AbortController().signal;
    while (this.#inFlight.readOnly + this.#inFlight.mutating > 0 && clock.monotonicMs() < deadline) {
      await clock.sleep(DRAIN_POLL_MS, never);
    }
    await watchCache.stopped();
    await this.#compacting;
    // The last words of the watches.
    while (!this.#fanOut.isIdle && clock.monotonicMs() < deadline) await clock.sleep(1, never);
    this.#https?.destroy();
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

  #collect(): void {
    const running = "apiserver_current_inflight_requests";
    this.#metrics.set(running, { request_kind: "readOnly" }, this.#inFlight.readOnly);
    this.#metrics.set(running, { request_kind: "mutating" }, this.#inFlight.mutating);
    for (const [key, cache] of this.#parts.watchCache.resources()) {
      const { group, resource } = groupResourceOfKey(key);
      const name = group === "" ? resource : `${resource}.${group}`;
      this.#metrics.set("apiserver_storage_objects", { resource: name }, cache.size);
      this.#metrics.set("apiserver_resource_objects", { group, resource }, cache.size);
      this.#metrics.set("apiserver_registered_watchers", { resource: name }, cache.watcherCount);
    }
  }
}
