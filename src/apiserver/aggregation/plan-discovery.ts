/** Discovery documents of other API servers as our own aggregated one shows them. Pure. @module */
import type { Document } from "./backend.ts";
import type { GroupVersion } from "./api-service.ts";

export type Freshness = "Current" | "Stale";

/** What is known of a group-version of others. */
export interface RemoteDiscovery {
  /** As `APIResourceDiscovery`; absent: nothing could be had. */
  readonly resources?: readonly object[];
  readonly freshness: Freshness;
}

const AGGREGATED = /^application\/json\s*;.*\bas=APIGroupDiscoveryList\b/;
export const AGGREGATED_ACCEPT: string =
  "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList," +
  "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

/** Of a server that aggregates: the resources of one group-version, or undefined when the answer is no such document. */
export function fromAggregated(
  { status, contentType, body }: Pick<Document, "status" | "contentType" | "body">,
  { group, version }: GroupVersion,
): readonly object[] | undefined {
  if (status !== 200 || !AGGREGATED.test(contentType)) return undefined;
  const list = JSON.parse(body.toString()) as unknown;
  for (const item of objects(member(list, "items"))) {
    if ((member(member(item, "metadata"), "name") ?? "") !== group) continue;
    for (const entry of objects(member(item, "versions"))) {
      if (member(entry, "version") === version) {
        return objects(member(entry, "resources")).map(withResponseKinds);
      }
    }
  }
  return [];
}

/** Clients before 1.27 stumble over a resource without a kind. */
function withResponseKinds(resource: object): object {
  const subresources = member(resource, "subresources");
  return {
    responseKind: NO_KIND,
    ...resource,
    ...(subresources !== undefined && {
      subresources: objects(subresources).map((subresource) => ({ responseKind: NO_KIND, ...subresource })),
    }),
  };
}

const NO_KIND = { group: "", version: "", kind: "" };

/** Of an `APIResourceList`. Throws SyntaxError when it is none. */
export function fromLegacy(text: string, gv: GroupVersion): readonly object[] {
  const found = new Map<string, Resource>();
  const of = (plural: string): Resource => {
    const known = found.get(plural) ?? { own: { resource: plural }, subresources: [] };
    found.set(plural, known);
    return known;
  };
  for (const entry of objects(member(JSON.parse(text) as unknown, "resources"))) {
    const name = member(entry, "name");
    if (typeof name !== "string") continue;
    const [plural = "", subresource] = name.split("/", 2);
    const parent = of(plural);
    const responseKind = kindOf(entry, gv);
    const verbs = member(entry, "verbs");
    if (subresource !== undefined) {
      parent.subresources.push({ subresource, responseKind, verbs });
      continue;
    }
    const { singularName, shortNames, categories } = entry as Readonly<Record<string, unknown>>;
    parent.own = {
      resource: plural,
      responseKind,
      scope: member(entry, "namespaced") === true ? "Namespaced" : "Cluster",
      singularResource: singularName ?? "",
      verbs,
      ...(shortNames !== undefined && { shortNames }),
      ...(categories !== undefined && { categories }),
    };
  }
  return [...found.values()].map(({ own, subresources }) =>
    subresources.length === 0 ? own : { ...own, subresources },
  );
}

interface Resource {
  own: object;
  readonly subresources: object[];
}

/** A kind of the list's own group-version need not say so. */
function kindOf(entry: object, gv: GroupVersion): object {
  const { group = "", version = "", kind = "" } = entry as Readonly<Record<string, unknown>>;
  const own = group === "" && version === "" ? gv : { group, version };
  return { ...own, kind };
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

function objects(value: unknown): readonly object[] {
  if (!Array.isArray(value)) return [];
  return value.filter((item): item is object => typeof item === "object" && item !== null);
}
