/** What discovery says of a resource, in every form: read off its kind and the published facts. @module */
import { createHash } from "node:crypto";
import type { GroupVersionKind, Kind } from "#apimachinery";
import { resourcesOf, type Scheme } from "#api";

/** A subresource and the kind that its requests carry: a Scale, an Eviction, or the object itself. */
export interface ApiSubresource {
  readonly name: string;
  readonly responseKind: GroupVersionKind;
  readonly verbs: readonly string[];
  /** Its requests are handed on to a kubelet or a pod; `verbs` are those of the methods it takes. */
  readonly isConnect: boolean;
}

export interface ApiResource {
  readonly kind: Kind;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  /** Sorted, as upstream. */
  readonly verbs: readonly string[];
  readonly subresources: readonly ApiSubresource[];
  /** Names the form in which objects are stored; absent for what is answered and not stored. */
  readonly storageVersionHash?: string;
}

const ALL_VERBS = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
] as const;
const CONNECT_VERBS: Readonly<Record<string, readonly string[]>> = {
  proxy: ["create", "delete", "get", "patch", "update"],
};
const STREAM_VERBS = ["create", "get"] as const;
const STATUS_VERBS = ["get", "patch", "update"] as const;
const HASH_BYTES = 8;

/** The resources of a group-version by plural name. */
export function apiResources(scheme: Scheme, group: string, version: string): readonly ApiResource[] {
  return scheme.kinds
    .filter((kind) => kind.group === group && kind.version === version)
    .map((kind) => apiResource(scheme, kind))
    .toSorted((a, b) => compare(a.plural, b.plural));
}

/** Sorts as Go does: by code unit, not by locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function apiResource(scheme: Scheme, kind: Kind): ApiResource {
  const { plural, singular } = kind.names;
  const verbs = (kind.verbs ?? ALL_VERBS).toSorted(compare);
  const isStored = verbs.includes("create") && verbs.includes("get");
  return {
    kind,
    plural,
    singular: singular ?? kind.kind.toLowerCase(),
    namespaced: kind.scope === "Namespaced",
    verbs,
    subresources: kind.subresources
      .map((name) => apiSubresource(kind, name))
      .toSorted((a, b) => compare(a.name, b.name)),
    ...(isStored && { storageVersionHash: storageVersionHash(scheme.storedAs(kind)) }),
  };
}

const SCALE: GroupVersionKind = { group: "autoscaling", version: "v1", kind: "Scale" };

function apiSubresource(kind: Kind, name: string): ApiSubresource {
  const facts = resourcesOf(kind.group, kind.version).find(({ plural }) => plural === kind.names.plural);
  const known = facts?.subresources.find((subresource) => subresource.name === name);
  const { group, version } = kind;
  const isConnect = known?.verbs.includes("connect") ?? false;
  const published = isConnect ? (CONNECT_VERBS[name] ?? STREAM_VERBS) : (known?.verbs ?? STATUS_VERBS);
  return {
    name,
    responseKind: known?.gvk ?? (name === "scale" ? SCALE : { group, version, kind: kind.kind }),
    verbs: published.toSorted(compare),
    isConnect,
  };
}

/** Upstream's hash, so that a StorageVersionMigration tool sees what it expects. */
function storageVersionHash({ group, version, kind }: GroupVersionKind): string {
  const digest = createHash("sha256").update(`${group}/${version}/${kind}`).digest();
  return digest.subarray(0, HASH_BYTES).toString("base64");
}
