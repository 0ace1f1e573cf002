/** URL paths of the API from what a `Kind` says of itself. @module */
import type { Kind } from "#apimachinery";

type Resource = Pick<Kind, "group" | "version" | "names" | "scope">;

/** `/api/v1` for the core group, `/apis/GROUP/VERSION` for the others. */
export function groupVersionPath(kind: { readonly group: string; readonly version: string }): string {
  return kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
}

/** Where objects of the kind are listed and created; without `namespace`, across all namespaces. */
export function collectionPath(kind: Resource, namespace: string | undefined): string {
  const base = groupVersionPath(kind);
  if (kind.scope === "Cluster" || namespace === undefined || namespace === "")
    return `${base}/${kind.names.plural}`;
  return `${base}/namespaces/${encodeURIComponent(namespace)}/${kind.names.plural}`;
}

/** Throws a RangeError for a name or a namespace that is missing: the path would name another resource. */
export function objectPath(
  kind: Resource,
  ref: { readonly namespace?: string; readonly name: string },
  subresource?: string,
): string {
  const what = `${kind.names.plural}.${kind.group}`;
  if (ref.name === "") throw new RangeError(`A request for one of ${what} needs a name`);
  if (kind.scope === "Namespaced" && (ref.namespace === undefined || ref.namespace === ""))
    throw new RangeError(`A request for ${what} ${JSON.stringify(ref.name)} needs a namespace`);
  const path = `${collectionPath(kind, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}
