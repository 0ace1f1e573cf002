/** The aggregation layer: group-versions that other API servers serve, as if they were this server's own; upstream's kube-aggregator. @module */
import type { Clock, Logger } from "#apimachinery";
import type { MetricDefinition, Metrics } from "#component-base";
import type { APIService } from "#api/apiregistration/v1/types.gen";
import type { ObjectLookup } from "../admission/object-lookup.ts";
import type { RemoteVersion } from "../discovery/groups.ts";
import type { ApiRequest, Result } from "../handlers/request.ts";
import type { Route } from "../http/route.ts";
import type { RemoteOpenApi } from "../openapi/remote.ts";
import type { ApiServerOptions } from "../options.ts";
import type { Registry } from "../registry/registry.ts";
import type { ServedKinds } from "../registry/served-kinds.ts";
import { follow, type FollowedChange } from "../watchcache/follow.ts";
import type { ResourceCache } from "../watchcache/resource-cache.ts";
import type { WatchCache } from "../watchcache/watch-cache.ts";
import {
  API_SERVICES,
  asApiService,
  conditionOf,
  groupVersionOf,
  isAvailable,
  LOCAL,
  serviceOf,
} from "./api-service.ts";
import { AutoRegistration } from "./auto-registration.ts";
import { AvailabilityController } from "./availability.ts";
import { Backends } from "./backend.ts";
import { Documents } from "./documents.ts";
import { resolveEndpoint, serviceNameOf } from "./endpoints.ts";
import { InProcessBackends } from "./in-process-backends.ts";
import { proxy } from "./proxy.ts";
import { Remotes } from "./remotes.ts";

const UNAVAILABLE = "aggregator_unavailable_apiservice";
/** Of those that nobody has scraped yet. */
const FAILURES_MAX = 1_000;
const UNAVAILABLE_TOTAL = "aggregator_unavailable_apiservice_total";

export const AGGREGATOR_METRICS: readonly MetricDefinition[] = [
  {
    type: "gauge",
    name: UNAVAILABLE,
    help: "1 for an APIService that is not available now.",
    labels: ["name"],
  },
  {
    type: "counter",
    name: UNAVAILABLE_TOTAL,
    help: "How often an APIService became unavailable, by reason.",
    labels: ["name", "reason"],
  },
];

export interface AggregatorOptions {
  readonly options: Pick<
    ApiServerOptions,
    "proxyClient" | "requestHeader" | "resolveService" | "inProcessBackends"
  >;
  readonly kinds: ServedKinds;
  readonly watchCache: WatchCache;
  readonly registry: () => Registry;
  readonly lookup: ObjectLookup;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export class Aggregator {
  readonly #options: AggregatorOptions;
  readonly #remotes = new Remotes();
  readonly #inProcess: InProcessBackends;
  readonly #backends: Backends;
  readonly #documents: Documents;
  readonly #availability: AvailabilityController;
  readonly #registration: AutoRegistration;
  #isStarted = false;
  /** What `collect` has not told yet. At most `FAILURES_MAX`. */
  #failures: { readonly name: string; readonly reason: string }[] = [];
  readonly #forgotten = new Set<string>();

  constructor(given: AggregatorOptions) {
    this.#options = given;
    this.#inProcess = new InProcessBackends(given.options.inProcessBackends ?? []);
    const { options, lookup, random } = given;
    const resolve = options.resolveService ?? resolveEndpoint(lookup, random);
    this.#backends = new Backends({ ...given, resolve, proxyClient: options.proxyClient });
    const parts = { ...given, remotes: this.#remotes, backends: this.#backends };
    this.#documents = new Documents(parts);
    this.#availability = new AvailabilityController(parts);
    this.#registration = new AutoRegistration(given);
  }

  /** Knows what is stored, and from now on every change in the turn in which the cache shows it. */
  follow(): void {
    const { watchCache, signal } = this.#options;
    const cache = (resource: string): ResourceCache => watchCache.resource(resource);
    const later = { withInitial: false, signal };
    follow(cache(API_SERVICES), { withInitial: true, signal }, (changes) => this.#observe(changes));
    follow(cache("core/services"), later, (changes) => this.#onServices(changes));
    follow(cache("discovery.k8s.io/endpointslices"), later, (changes) => this.#onSlices(changes));
  }

  /** Begins to write: what the server serves itself, and whether others can be reached. */
  async start(): Promise<void> {
    await this.#registration.start();
    this.#isStarted = true;
    for (const { metadata } of this.#remotes.all()) this.#availability.ask(metadata.name);
  }

  /** Everything below the group-versions of others. Comes before discovery and the server's own resources. */
  get route(): Route {
    return {
      matches: (path) => this.#remotes.find(path) !== undefined,
      handle: (request) => this.#proxy(request, request.path),
    };
  }

  /** Everything below the group-versions of backends in this process. Comes right after `route`. */
  get inProcessRoute(): Route {
    return this.#inProcess.route;
  }

  /** What discovery shows besides the server's own. */
  readonly discovery: {
    readonly generation: () => number;
    readonly versions: () => readonly RemoteVersion[];
  } = {
    generation: () => this.#generation(),
    versions: () => [
      ...this.#inProcess.versions(),
      ...[...this.#remotes.all()].map((apiService) => {
        const { groupPriorityMinimum = 0, versionPriority = 0 } = apiService.spec ?? {};
        return {
          ...groupVersionOf(apiService),
          priority: { group: groupPriorityMinimum, version: versionPriority },
          ...this.#documents.of(apiService.metadata.name).discovery,
        };
      }),
    ],
  };

  /** What OpenAPI shows besides the server's own. */
  readonly openApi: RemoteOpenApi = {
    generation: () => this.#generation(),
    v3: () =>
      new Map([
        ...this.#inProcess.v3(),
        ...[...this.#remotes.all()].flatMap(({ metadata }) => [...this.#documents.of(metadata.name).v3]),
      ]),
    v2: () => [
      ...this.#inProcess.v2(),
      ...[...this.#remotes.all()].flatMap(({ metadata }) => {
        const known = this.#documents.of(metadata.name).v2;
        return known === undefined ? [] : [known.part];
      }),
    ],
    replaces: (name) =>
      this.#remotes.find(`/${name}`) !== undefined || this.#inProcess.document(name) !== undefined,
    proxy: (request, name) => {
      const document = this.#inProcess.document(name);
      if (document !== undefined) return Promise.resolve(document);
      // Who asks for an older version of a document is told of the newer one.
      return this.#proxy(request, `/${name}`, "/openapi/v3/");
    },
  };

  collect(metrics: Metrics): void {
    for (const labels of this.#failures) metrics.inc(UNAVAILABLE_TOTAL, labels);
    this.#failures = [];
    for (const name of this.#forgotten) metrics.remove(UNAVAILABLE, { name });
    this.#forgotten.clear();
    for (const apiService of this.#remotes.all()) {
      metrics.set(UNAVAILABLE, { name: apiService.metadata.name }, isAvailable(apiService) ? 0 : 1);
    }
  }

  /** Both only grow. */
  #generation(): number {
    return this.#documents.generation + this.#inProcess.generation;
  }

  /** `path`: of the group-version whose server is asked. */
  #proxy(request: ApiRequest, path: string, redirectsBelow?: string): Promise<Result> {
    const { clock, options } = this.#options;
    const found = this.#remotes.find(path);
    if (found === undefined) throw new Error(`no remote APIService for ${path}`);
    const { requestHeader } = options;
    const more = redirectsBelow === undefined ? {} : { redirectsBelow };
    return proxy(request, found, { backends: this.#backends, clock, requestHeader, ...more });
  }

  #observe(changes: readonly FollowedChange[]): void {
    for (const { object, isDeleted } of changes) {
      const apiService = asApiService(object.object);
      const { name } = apiService.metadata;
      this.#note(apiService);
      this.#inProcess.observe(apiService, isDeleted);
      const wasRemote = this.#remotes.observe(apiService, isDeleted);
      if (this.#remotes.get(name) !== undefined) {
        this.#forgotten.delete(name);
        this.#documents.ask(name);
        if (this.#isStarted) this.#availability.ask(name);
        continue;
      }
      if (wasRemote) {
        this.#documents.forget(name);
        if (this.#forgotten.size < FAILURES_MAX) this.#forgotten.add(name);
      }
      if (isDeleted) this.#availability.forget(name);
      else if (this.#isStarted && serviceOf(apiService) === undefined && !isSaidLocal(apiService)) {
        this.#availability.ask(name);
      }
    }
    this.#registration.ask();
  }

  /** Counts an APIService that was available, or not known, and now is not. */
  #note(apiService: APIService): void {
    const { name } = apiService.metadata;
    const before = this.#remotes.get(name);
    const { status, reason = "" } = conditionOf(apiService) ?? {};
    const was = before && conditionOf(before)?.status;
    if (status === "False" && was !== "False" && this.#failures.length < FAILURES_MAX) {
      this.#failures.push({ name, reason });
    }
  }

  #onServices(changes: readonly FollowedChange[]): void {
    if (this.#remotes.size === 0) return;
    const keys = new Set(changes.map(({ object }) => object.key));
    this.#askBehind(keys);
  }

  #onSlices(changes: readonly FollowedChange[]): void {
    if (this.#remotes.size === 0) return;
    const namespaces = new Set([...this.#remotes.all()].map((one) => serviceOf(one)?.namespace));
    const keys = changes
      .filter(({ object }) => namespaces.has(object.namespace))
      .map(({ object }) => `${object.namespace}/${serviceNameOf(object.object) ?? ""}`);
    this.#askBehind(new Set(keys));
  }

  /** `services`: `namespace/name`. */
  #askBehind(services: ReadonlySet<string>): void {
    if (!this.#isStarted) return;
    for (const apiService of this.#remotes.all()) {
      const service = serviceOf(apiService);
      if (service !== undefined && services.has(`${service.namespace}/${service.name}`)) {
        this.#availability.ask(apiService.metadata.name);
      }
    }
  }
}

function isSaidLocal(apiService: APIService): boolean {
  return conditionOf(apiService)?.reason === LOCAL.reason;
}
