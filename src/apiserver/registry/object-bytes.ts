/** How an object is stored: JSON without its resourceVersion, `kind`, `apiVersion` and `metadata` first, so that the version can be spliced in. @module */
import { apiVersionOf, type Kind, type KubeObject, type ManagedFieldsEntry } from "#apimachinery";

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
  const entries = stored.managedFields;
  if (entries?.some(({ fieldsV1 }) => fieldsV1 !== undefined && sharedTexts.has(fieldsV1)) === true) {
    return ownBytes(withSharedFields(kind, stored, rest, entries));
  }
  return ownBytes(
    JSON.stringify({ kind: kind.kind, apiVersion: apiVersionOf(kind), metadata: stored, ...rest }),
  );
}

/** Not from Node's pool, where one object that stays would keep 64 KiB of others that went. */
function ownBytes(text: string): Uint8Array {
  const out = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  out.write(text);
  return out;
}

/** Texts of FieldsV1 that many objects have in common: a third of a pod, which need not be written for each. */
const sharedTexts = new WeakMap<object, string>();

/** `fieldsV1` will stand in many objects; it must not change any more. */
export function shareFieldsText(fieldsV1: object): void {
  sharedTexts.set(fieldsV1, JSON.stringify(fieldsV1));
}

function withSharedFields(
  kind: Pick<Kind, "group" | "version" | "kind">,
  metadata: KubeObject["metadata"],
  rest: object,
  entries: readonly ManagedFieldsEntry[],
): string {
  const metadataText = JSON.stringify({ ...metadata, managedFields: undefined });
  const head = `{"kind":${JSON.stringify(kind.kind)},"apiVersion":${JSON.stringify(apiVersionOf(kind))},"metadata":`;
  const managed = entries.map(entryText).join();
  const tail = JSON.stringify(rest).slice(1);
  return `${head}${metadataText.slice(0, -1)},"managedFields":[${managed}]}${tail === "}" ? "" : ","}${tail}`;
}

function entryText(entry: ManagedFieldsEntry): string {
  const fieldsText = entry.fieldsV1 && sharedTexts.get(entry.fieldsV1);
  if (fieldsText === undefined) return JSON.stringify(entry);
  const { fieldsV1: _, subresource, ...first } = entry;
  const last = subresource === undefined ? "" : `,"subresource":${JSON.stringify(subresource)}`;
  return `${JSON.stringify(first).slice(0, -1)},"fieldsV1":${fieldsText}${last}}`;
}
