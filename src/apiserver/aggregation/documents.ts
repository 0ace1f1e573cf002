/** What other API servers say of themselves: discovery and OpenAPI of every group-version, kept fresh. @module */
import type { Clock, Logger } from "#apimachinery";
import type { APIService } from "#api/apiregistration/v1/types.gen";
import { groupVersionPath } from "#client";
import { digestOf } from "../discovery/entity-tag.ts";
import { SYSTEM_MASTERS, type UserInfo } from "../user-info.ts";
import { groupVersionOf, isAvailable } from "./api-service.ts";
import type { Backends, BackendTarget, Document } from "./backend.ts";
import { KeyedRefresher } from "./keyed-refresher.ts";
import { openApiPart, type OpenApiPart } from "./openapi-v2-part.ts";
import { AGGREGATED_ACCEPT, fromAggregated, fromLegacy, type RemoteDiscovery } from "./plan-discovery.ts";
import type { Remotes } from "./remotes.ts";

const REFRESH_INTERVAL_MS = 60_000;
const RETRY_MS = { min: 500, max: REFRESH_INTERVAL_MS };
const DISCOVERY_TIMEOUT_MS = 5_000;
const OPENAPI_TIMEOUT_MS = 60_000;
const DISCOVERY_USER: UserInfo = { name: "system:kube-aggregator", groups: [SYSTEM_MASTERS] };
const LEGACY_USER: UserInfo = { name: "system:kube-aggregator", groups: [] };
const OPENAPI_USER: UserInfo = { name: "system:aggregator", groups: [] };

/** All that is known of one group-version; what was had last stays when it cannot be had again, but for discovery. */
export interface RemoteDocuments {
  readonly discovery: RemoteDiscovery;
  /** Its entries of `/openapi/v3`: key -> URL with the hash. */
  readonly v3: ReadonlyMap<string, string>;
  readonly v2?: { readonly etag: string; readonly part: OpenApiPart };
}

export interface DocumentsOptions {
  readonly remotes: Remotes;
  readonly backends: Backends;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const UNKNOWN: RemoteDocuments = { discovery: { freshness: "Stale" }, v3: new Map() };

/** Bounded by the APIServices of others: one entry each. */
export class Documents {
  readonly #options: DocumentsOptions;
  readonly #refresher: KeyedRefresher;
  readonly #known = new Map<string, RemoteDocuments>();
  #generation = 0;

  constructor(options: DocumentsOptions) {
    this.#options = options;
    const { clock, signal } = options;
    this.#refresher = new KeyedRefresher({
      clock,
      signal,
      intervalMs: REFRESH_INTERVAL_MS,
      retryMs: RETRY_MS,
      run: (name) => this.#refresh(name),
    });
  }

  /** Another number when something is known otherwise. */
  get generation(): number {
    return this.#generation;
  }

  of(name: string): RemoteDocuments {
    return this.#known.get(name) ?? UNKNOWN;
  }

  /** The APIService of that name is new, or has changed. */
  ask(name: string): void {
    this.#generation++;
    this.#refresher.ask(name);
  }

  forget(name: string): void {
    this.#generation++;
    this.#refresher.forget(name);
    this.#known.delete(name);
  }

  async #refresh(name: string): Promise<"done" | "failed" | undefined> {
    const { remotes, logger, signal } = this.#options;
    const apiService = remotes.get(name);
    if (apiService === undefined) return undefined;
    if (!isAvailable(apiService)) {
      // Its change is told when it is available again.
      this.#set(name, { discovery: { freshness: "Stale" } });
      return undefined;
    }
    try {
      this.#set(name, { discovery: await this.#discover(apiService) });
      this.#set(name, await this.#openApi(apiService, this.of(name)));
      return "done";
    } catch (err) {
      if (signal.aborted || remotes.get(name) !== apiService) return undefined;
      logger.warn("Documents of an APIService could not be had", { name, err });
      return "failed";
    }
  }

  #set(name: string, news: Partial<RemoteDocuments>): void {
    if (this.#options.remotes.get(name) === undefined) return;
    const before = this.of(name);
    const after = { ...before, ...news };
    this.#known.set(name, after);
    if (!isSame(before, after)) this.#generation++;
  }

  /** Its aggregated form, or what it says of this group-version alone. Throws when it says neither; it is stale then. */
  async #discover(apiService: APIService): Promise<RemoteDiscovery> {
    const gv = groupVersionOf(apiService);
    try {
      const target = this.#options.backends.target(apiService);
      const aggregated = await this.#get(
        target,
        "/apis",
        DISCOVERY_USER,
        DISCOVERY_TIMEOUT_MS,
        AGGREGATED_ACCEPT,
      );
      const resources = gv.group === "" ? undefined : fromAggregated(aggregated, gv);
      if (resources !== undefined) return { resources, freshness: "Current" };
      const path = groupVersionPath(gv);
      const legacy = await this.#get(target, path, LEGACY_USER, DISCOVERY_TIMEOUT_MS, "application/json");
      if (legacy.status !== 200) {
        throw new Error(`failed to download legacy discovery for ${path}: ${legacy.status}`);
      }
      return { resources: fromLegacy(legacy.body.toString(), gv), freshness: "Current" };
    } catch (err) {
      this.#set(apiService.metadata.name, { discovery: { freshness: "Stale" } });
      throw err;
    }
  }

  async #openApi(apiService: APIService, known: RemoteDocuments): Promise<Partial<RemoteDocuments>> {
    const gv = groupVersionOf(apiService);
    const target = this.#options.backends.target(apiService);
    const index = await this.#get(
      target,
      "/openapi/v3",
      OPENAPI_USER,
      OPENAPI_TIMEOUT_MS,
      "application/json",
    );
    const headers = known.v2 !== undefined && known.v2.etag !== "" ? { "if-none-match": known.v2.etag } : {};
    const options = {
      user: OPENAPI_USER,
      timeoutMs: OPENAPI_TIMEOUT_MS,
      headers: { accept: "application/json", ...headers },
    };
    const { backends, signal } = this.#options;
    const v2 = await backends.fetch(target, "/openapi/v2", options, signal);
    return {
      v3: index.status === 200 ? v3Urls(index.body.toString(), groupVersionPath(gv).slice(1)) : new Map(),
      ...(v2.status === 200 && {
        v2: { etag: v2.etag, part: openApiPart(v2.body.toString(), gv) },
      }),
    };
  }

  #get(
    target: BackendTarget,
    path: string,
    user: UserInfo,
    timeoutMs: number,
    accept: string,
  ): Promise<Document> {
    const { backends, signal } = this.#options;
    return backends.fetch(target, path, { user, timeoutMs, headers: { accept } }, signal);
  }
}

/** Only what belongs to the group-version: a backend does not speak for others. */
function v3Urls(text: string, key: string): ReadonlyMap<string, string> {
  const { paths = {} } = JSON.parse(text) as {
    readonly paths?: Readonly<Record<string, { readonly serverRelativeURL?: unknown }>>;
  };
  const url = Object.hasOwn(paths, key) ? paths[key]?.serverRelativeURL : undefined;
  return typeof url === "string" ? new Map([[key, url]]) : new Map();
}

function isSame(a: RemoteDocuments, b: RemoteDocuments): boolean {
  return a === b || fingerprint(a) === fingerprint(b);
}

function fingerprint({ discovery, v3, v2 }: RemoteDocuments): string {
  return digestOf(JSON.stringify([discovery, [...v3], v2]));
}
