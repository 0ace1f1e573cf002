/** How an object is stored: JSON without its resourceVersion, `kind`, `apiVersion` and `metadata` first, so that the version can be spliced in. @module */
import { apiVersionOf, type Kind, type KubeObject } from "#apimachinery";

/** What the stored bytes of every object of `kind` begin with. */
export function headOf(kind: Pick<Kind, "group" | "version" | "kind">): Uint8Array {
  return Buffer.from(
    `{"kind":${JSON.stringify(kind.kind)},"apiVersion":${JSON.stringify(apiVersionOf(kind))},"metadata":{`,
  );
}

/** The only time an object is serialised. `metadata` is never empty: it has a name. */
export function toBytes(kind: Pick<Kind, "group" | "version" | "kind">, object: KubeObject): Uint8Array {
  const { kind: _kind, apiVersion: _apiVersion, metadata, ...rest } = object;
  const { resourceVersion: _resourceVersion, ...stored } = metadata;
  return Buffer.from(
    JSON.stringify({ kind: kind.kind, apiVersion: apiVersionOf(kind), metadata: stored, ...rest }),
  );
}
