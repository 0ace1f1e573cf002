/** Resources of a group-version, read from the paths of the OpenAPI document. @module */
import type { Gvk, Swagger, SwaggerOperation } from "./definitions.ts";

export interface ResourceRecord {
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: ReadonlySet<string>;
  /** Name -> kind and verbs. */
  readonly subresources: ReadonlyMap<string, { readonly gvk: Gvk; readonly verbs: ReadonlySet<string> }>;
}

const PATH =
  /^\/(?:api|apis\/(?<group>[^/]+))\/(?<version>[^/]+)\/(?<watch>watch\/)?(?<ns>namespaces\/\{namespace\}\/)?(?<plural>[^/{]+)(?:\/\{name\}(?:\/(?<sub>[^{]+))?)?$/;
const VERBS: Readonly<Record<string, string>> = {
  post: "create",
  put: "update",
  get: "get",
  list: "list",
  patch: "patch",
  delete: "delete",
  deletecollection: "deletecollection",
  watch: "watch",
  watchlist: "watch",
  connect: "connect",
};

interface MutableResource {
  readonly plural: string;
  kind: string;
  namespaced: boolean;
  readonly verbs: Set<string>;
  readonly subresources: Map<string, { readonly gvk: Gvk; readonly verbs: Set<string> }>;
}

/** `group/version` ("/v1" for the core group) -> its resources by plural name. */
export function resourcesOf(swagger: Swagger): ReadonlyMap<string, readonly ResourceRecord[]> {
  const byGv = new Map<string, Map<string, MutableResource>>();
  for (const [path, operations] of Object.entries(swagger.paths)) {
    const match = PATH.exec(path)?.groups;
    if (!match) continue;
    const gv = `${match["group"] ?? ""}/${match["version"]}`;
    const resources = byGv.get(gv) ?? new Map<string, MutableResource>();
    byGv.set(gv, resources);
    const plural = match["plural"]!;
    const resource = resources.get(plural) ?? {
      plural,
      kind: "",
      namespaced: false,
      verbs: new Set(),
      subresources: new Map(),
    };
    for (const operation of Object.values(operations)) {
      if (!Array.isArray(operation)) note(resource, operation as SwaggerOperation, match);
    }
    if (resource.verbs.size > 0 || resource.subresources.size > 0) resources.set(plural, resource);
  }
  const sorted = (rs: Map<string, MutableResource>): MutableResource[] =>
    [...rs.values()].filter((r) => r.verbs.size > 0).toSorted((a, b) => (a.plural < b.plural ? -1 : 1));
  return new Map([...byGv].map(([gv, resources]) => [gv, sorted(resources)]));
}

function note(resource: MutableResource, operation: SwaggerOperation, match: Record<string, string>): void {
  const verb = VERBS[operation["x-kubernetes-action"] ?? ""];
  const gvk = operation["x-kubernetes-group-version-kind"];
  if (verb === undefined || gvk === undefined) return;
  const sub = match["sub"];
  if (sub !== undefined) {
    const known = resource.subresources.get(sub) ?? { gvk, verbs: new Set<string>() };
    known.verbs.add(verb);
    resource.subresources.set(sub, known);
    return;
  }
  resource.kind = gvk.kind;
  resource.namespaced ||= match["ns"] !== undefined;
  resource.verbs.add(verb);
}
