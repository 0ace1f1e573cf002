/** Discovery as every client understands it: `/api`, `/apis`, and the resources of each group-version. @module */
import { apiVersionOf } from "#apimachinery";
import type { Scheme } from "#api";
import { apiResources, type ApiResource } from "./api-resource.ts";
import type { GroupVersions } from "./groups.ts";

/** `/api`. `serverAddress` is what clients outside are told. */
export function apiVersions(serverAddress: string): unknown {
  return {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
  };
}

/** `/apis`. */
export function apiGroupList(groups: readonly GroupVersions[]): unknown {
  return { kind: "APIGroupList", apiVersion: "v1", groups: groups.map(groupOf) };
}

/** `/apis/<group>`. */
export function apiGroup(group: GroupVersions): unknown {
  return { kind: "APIGroup", apiVersion: "v1", ...groupOf(group) };
}

/** `/api/v1` and `/apis/<group>/<version>`. The one of the core group never had an `apiVersion`. */
export function apiResourceList(scheme: Scheme, group: string, version: string): unknown {
  return {
    kind: "APIResourceList",
    ...(group !== "" && { apiVersion: "v1" }),
    groupVersion: apiVersionOf({ group, version }),
    resources: apiResources(scheme, group, version).flatMap(entriesOf),
  };
}

function groupOf({ name, versions: own }: GroupVersions): object {
  const versions = own.map(({ version }) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions, preferredVersion: versions[0] };
}

function entriesOf(resource: ApiResource): readonly object[] {
  const { kind, plural, singular, namespaced, verbs, storageVersionHash } = resource;
  const { short, categories } = kind.names;
  const own = {
    name: plural,
    singularName: singular,
    namespaced,
    kind: kind.kind,
    verbs,
    ...(short !== undefined && { shortNames: short }),
    ...(categories !== undefined && { categories }),
    ...(storageVersionHash !== undefined && { storageVersionHash }),
  };
  const subresources = resource.subresources.map(({ name, responseKind, verbs: allowed }) => ({
    name: `${plural}/${name}`,
    singularName: "",
    namespaced,
    // Named only where it is not that of the list.
    ...(apiVersionOf(responseKind) !== apiVersionOf(kind) && {
      ...(responseKind.group !== "" && { group: responseKind.group }),
      version: responseKind.version,
    }),
    kind: responseKind.kind,
    verbs: allowed,
  }));
  return [own, ...subresources];
}
