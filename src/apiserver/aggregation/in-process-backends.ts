/** Group-versions that others serve in this server's own process: an APIService without a service stands for each. @module */
import type { APIService } from "#api/apiregistration/v1/types.gen";
import { groupVersionPath } from "#client";
import { digestOf } from "../discovery/entity-tag.ts";
import type { RemoteVersion } from "../discovery/groups.ts";
import { headerValue, type ApiRequest, type Result } from "../handlers/request.ts";
import type { Route } from "../http/route.ts";
import { apiServiceName, serviceOf, type GroupVersion } from "./api-service.ts";
import { openApiPart, type OpenApiPart } from "./openapi-v2-part.ts";

/** Serves only while its APIService exists and names no service: whoever writes one there takes its place. */
export interface InProcessBackend extends GroupVersion {
  /** As `APIResourceDiscovery`. */
  readonly resources: readonly object[];
  /** Whole documents. */
  readonly openApi: { readonly v2: object; readonly v3: object };
  /** The request is authorized, and at or below the group-version's path. Rejects with a StatusError what is refused. */
  handle(request: InProcessRequest): Promise<InProcessAnswer>;
}

export interface InProcessRequest {
  readonly method: string;
  /** Absolute, without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The header; "" without. */
  readonly accept: string;
}

export interface InProcessAnswer {
  readonly status: number;
  readonly value: unknown;
}

interface Known {
  readonly backend: InProcessBackend;
  readonly path: string;
  readonly v2: OpenApiPart;
  /** Of version 3, with its hash. */
  readonly url: string;
  /** Undefined: does not serve now. */
  active: APIService | undefined;
}

/** Bounded by the backends given. */
export class InProcessBackends {
  readonly #known: ReadonlyMap<string, Known>;
  #generation = 0;

  constructor(backends: readonly InProcessBackend[]) {
    this.#known = new Map(backends.map((backend) => [apiServiceName(backend), knownOf(backend)]));
  }

  /** Another number when another one serves. */
  get generation(): number {
    return this.#generation;
  }

  observe(apiService: APIService, isDeleted: boolean): void {
    const known = this.#known.get(apiService.metadata.name);
    if (known === undefined) return;
    known.active = isDeleted || serviceOf(apiService) !== undefined ? undefined : apiService;
    this.#generation++;
  }

  /** Comes after that of the remotes, and before discovery. */
  get route(): Route {
    return {
      matches: (path) => this.#find(path) !== undefined,
      handle: (request) => answer(this.#find(request.path)!.backend, request),
    };
  }

  versions(): readonly RemoteVersion[] {
    return this.#active().map(({ backend: { group, version, resources }, active }) => {
      const { groupPriorityMinimum = 0, versionPriority = 0 } = active?.spec ?? {};
      const priority = { group: groupPriorityMinimum, version: versionPriority };
      return { group, version, priority, resources, freshness: "Current" };
    });
  }

  v3(): readonly (readonly [string, string])[] {
    return this.#active().map(({ path, url }) => [path.slice(1), url] as const);
  }

  v2(): readonly OpenApiPart[] {
    return this.#active().map(({ v2 }) => v2);
  }

  /** The document of version 3 of that key; undefined: none of theirs. */
  document(name: string): Result | undefined {
    const known = this.#find(`/${name}`);
    return known && { type: "value", status: 200, value: known.backend.openApi.v3 };
  }

  #active(): readonly Known[] {
    return [...this.#known.values()].filter(({ active }) => active !== undefined);
  }

  #find(path: string): Known | undefined {
    for (const known of this.#known.values()) {
      const isBelow = path.startsWith(known.path) && [undefined, "/"].includes(path[known.path.length]);
      if (isBelow && known.active !== undefined) return known;
    }
    return undefined;
  }
}

function knownOf(backend: InProcessBackend): Known {
  const path = groupVersionPath(backend);
  const { v2, v3 } = backend.openApi;
  const url = `/openapi/v3${path}?hash=${digestOf(JSON.stringify(v3))}`;
  return { backend, path, v2: openApiPart(JSON.stringify(v2), backend), url, active: undefined };
}

async function answer(backend: InProcessBackend, request: ApiRequest): Promise<Result> {
  const { method, path, query } = request;
  const { status, value } = await backend.handle({
    method,
    path,
    query,
    accept: headerValue(request, "accept"),
  });
  return { type: "value", status, value };
}
