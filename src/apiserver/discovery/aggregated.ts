/** Aggregated discovery: everything under `/api` or `/apis` in one document (KEP-3352). @module */
import type { GroupVersionKind } from "#apimachinery";
import type { Scheme } from "#api";
import { apiResources, type ApiResource } from "./api-resource.ts";
import type { GroupVersions } from "./groups.ts";

export type AggregatedVersion = "v2" | "v2beta1";

/** `groups` in the order of preference; the document of `/api` has the core group alone, without a name. */
export function apiGroupDiscoveryList(
  scheme: Scheme,
  groups: readonly GroupVersions[],
  version: AggregatedVersion,
): unknown {
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map((group) => groupDiscovery(scheme, group)),
  };
}

function groupDiscovery(scheme: Scheme, { name, versions }: GroupVersions): object {
  return {
    metadata: name === "" ? {} : { name },
    versions: versions.map(({ version, remote }) => {
      if (remote !== undefined) {
        const { resources, freshness } = remote;
        return { version, ...(resources !== undefined && { resources }), freshness };
      }
      const resources = apiResources(scheme, name, version).map(resourceDiscovery);
      return { version, resources, freshness: "Current" };
    }),
  };
}

function resourceDiscovery(resource: ApiResource): object {
  const { kind, plural, singular, namespaced, verbs, subresources } = resource;
  const { short, categories } = kind.names;
  return {
    resource: plural,
    responseKind: responseKindOf(kind),
    scope: namespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs,
    ...(short !== undefined && { shortNames: short }),
    ...(categories !== undefined && { categories }),
    ...(subresources.length > 0 && {
      subresources: subresources.map(({ name, responseKind, verbs: allowed }) => ({
        subresource: name,
        responseKind: responseKindOf(responseKind),
        verbs: allowed,
      })),
    }),
  };
}

function responseKindOf({ group, version, kind }: GroupVersionKind): GroupVersionKind {
  return { group, version, kind };
}
