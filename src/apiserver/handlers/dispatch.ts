/** Finds who answers a request: a route, or the handler of a verb of a resource. @module */
import { badRequest, isPathSegmentName, StatusError } from "#apimachinery";
import type { Route } from "../http/route.ts";
import { requestInfo, type RequestInfo } from "../http/request-info.ts";
import { admitConnect } from "./admit-subresource.ts";
import { authorizeRequest } from "./authorize.ts";
import { warnDeprecated } from "./deprecation.ts";
import { handleDelete, handleDeleteCollection } from "./delete.ts";
import type { HandlerContext, ResourceRequest } from "./handler-context.ts";
import { handlePatch } from "./patch.ts";
import { handleGet, handleList, handleWatch } from "./read.ts";
import type { ApiRequest, Result } from "./request.ts";
import { findSubresource, type SubresourceHandlers } from "./subresources.ts";
import { handleCreate, handleUpdate } from "./write.ts";

export interface DispatcherOptions {
  readonly context: HandlerContext;
  readonly routes: readonly Route[];
  /** Subresources that are more than a part of their object, by `core/pods/binding`, or by `scale` for all. */
  readonly subresources: ReadonlyMap<string, SubresourceHandlers>;
  /** Resources that are answered, not stored: reviews, bindings. */
  readonly virtual: ReadonlyMap<string, SubresourceHandlers>;
}

type Handler = (routed: ResourceRequest) => Promise<Result>;

const HANDLERS: Readonly<Record<string, Handler>> = {
  get: handleGet,
  list: handleList,
  watch: handleWatch,
  create: handleCreate,
  update: (routed) => handleUpdate(routed),
  patch: (routed) => handlePatch(routed),
  delete: handleDelete,
  deletecollection: handleDeleteCollection,
};

const NOT_FOUND: Result = {
  type: "bytes",
  status: 404,
  contentType: "text/plain; charset=utf-8",
  body: "404 page not found\n",
};

export class Dispatcher {
  readonly #options: DispatcherOptions;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Rejects with a `StatusError` for everything that is refused. */
  async handle(request: ApiRequest): Promise<Result> {
    return this.handleInfo(request, requestInfo(request.method, request.path, request.query));
  }

  /** True when the path names a resource of this server; for metrics, whose labels must stay few. */
  serves({ isResourceRequest, group, version, resource }: RequestInfo): boolean {
    return isResourceRequest && this.#options.context.registry.find(group, version, resource) !== undefined;
  }

  async handleInfo(request: ApiRequest, info: RequestInfo): Promise<Result> {
    await authorizeRequest(this.#options.context, request, info);
    for (const route of this.#options.routes) if (route.matches(request.path)) return route.handle(request);
    const { context } = this.#options;
    const served = context.registry.find(info.group, info.version, info.resource);
    if (!info.isResourceRequest || request.path.startsWith("//")) return NOT_FOUND;
    if (served === undefined || isMisplaced(info, served.kind.scope)) return this.#unknown(info);
    if (isWrongLevel(info)) return methodNotAllowed();
    if (isAcrossNamespaces(info, served.kind.scope))
      return served.custom === undefined ? methodNotAllowed() : NOT_FOUND;
    checkName(info);
    const routed = { request, info, served, context };
    warnDeprecated(routed);
    const { virtual } = this.#options;
    const answered = virtual.get(served.resource);
    if (info.subresource !== "") return this.#subresource(routed);
    if (answered !== undefined) return (answered[info.verb] ?? methodNotAllowed)(routed);
    const isServed =
      served.kind.verbs === undefined || (served.kind.verbs as readonly string[]).includes(info.verb);
    return ((isServed ? HANDLERS[info.verb] : undefined) ?? methodNotAllowed)(routed);
  }

  /** A group-version of the server says what it does not have as a Status; paths beyond all of them are no pages. */
  #unknown({ group, version }: RequestInfo): Result {
    if (!this.#options.context.registry.scheme.versionsOf(group).includes(version)) return NOT_FOUND;
    throw new StatusError("NotFound", "the server could not find the requested resource", { details: {} });
  }

  async #subresource(routed: ResourceRequest): Promise<Result> {
    const { info, served } = routed;
    const handlers = findSubresource(this.#options.subresources, served, info.subresource);
    if (handlers === undefined) return this.#unknown(info);
    await admitConnect(routed);
    return (handlers[info.verb] ?? handlers["connect"] ?? methodNotAllowed)(routed);
  }
}

/** A cluster-scoped resource under a namespace, or writes of namespaced ones without. */
function isMisplaced(info: RequestInfo, scope: "Namespaced" | "Cluster"): boolean {
  if (scope === "Cluster") return info.namespace !== "" && info.resource !== "namespaces";
  return info.namespace === "" && info.name !== "" && info.verb !== "watch";
}

/** No name of an object, and not to be looked for as one. */
function checkName({ name }: RequestInfo): void {
  const problems = name === "" ? [] : isPathSegmentName(name);
  if (problems.length === 0) return;
  throw badRequest(`Name parameter invalid: ${JSON.stringify(name)}: ${problems.join(";")}`);
}

/** Objects are created in collections, and changed one by one. */
function isWrongLevel({ verb, name, subresource }: RequestInfo): boolean {
  if (verb === "create") return name !== "" && subresource === "";
  return (verb === "update" || verb === "patch") && name === "";
}

/** Namespaced resources are read in all namespaces at once; written and deleted they are in one. */
function isAcrossNamespaces({ verb, namespace }: RequestInfo, scope: "Namespaced" | "Cluster"): boolean {
  return scope === "Namespaced" && namespace === "" && (verb === "create" || verb === "deletecollection");
}

function methodNotAllowed(): Promise<Result> {
  throw new StatusError(
    "MethodNotAllowed",
    "the server does not allow this method on the requested resource",
    { details: {} },
  );
}
