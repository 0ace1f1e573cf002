/** The owners of an object's fields: `metadata.managedFields`, read and written. @module */
import type { ManagedFieldsEntry } from "../meta.ts";
import { isJsonObject } from "../json.ts";
import { isTime } from "../time.ts";
import { compareStrings } from "../text.ts";
import { isEmptySet, sortSet, union, type FieldSet } from "./field-set.ts";

/** Entries from updates that an object keeps; the oldest are merged into `ancient-changes`. */
export const UPDATE_MANAGERS_MAX = 10;
const ANCIENT_CHANGES = "ancient-changes";
const UNKNOWN_MANAGER = "unknown";

/** Who writes: the identity of an entry. */
export interface ManagerIdentity {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource?: string;
}

export interface Owner extends ManagerIdentity {
  readonly time?: string;
  readonly set: FieldSet;
  /** The entry it was read from; written back as it is when set and time are still the same. */
  readonly source?: ManagedFieldsEntry;
}

/** By identity; appliers keep theirs when the version changes. */
export type Owners = ReadonlyMap<string, Owner>;

export const NO_OWNERS: Owners = new Map();

export function identityOf({ manager, operation, apiVersion, subresource }: ManagerIdentity): string {
  return JSON.stringify([manager, operation, operation === "Apply" ? "" : apiVersion, subresource ?? ""]);
}

/** An unnamed writer is "unknown". */
export function managerIdentity(
  manager: string,
  operation: "Apply" | "Update",
  apiVersion: string,
  subresource: string | undefined,
): ManagerIdentity {
  const name = manager === "" ? UNKNOWN_MANAGER : manager;
  return {
    manager: name,
    operation,
    apiVersion,
    ...(subresource !== undefined && subresource !== "" && { subresource }),
  };
}

/** undefined when an entry is malformed, in which case upstream ignores them all. */
export function decodeManagedFields(entries: readonly ManagedFieldsEntry[] | undefined): Owners | undefined {
  const owners = new Map<string, Owner>();
  for (const entry of entries ?? []) {
    const owner = decodeEntry(entry);
    if (owner === undefined) return undefined;
    owners.set(identityOf(owner), owner);
  }
  return owners;
}

/** Whether a client asks to forget all owners: an empty list, or a list of one empty entry. */
export function isReset(entries: readonly ManagedFieldsEntry[] | undefined): boolean {
  if (entries === undefined) return false;
  return entries.length === 0 || (entries.length === 1 && Object.keys(entries[0]!).length === 0);
}

/** Sorted as upstream: appliers first, then by time and name. Owners of nothing are left out. */
export function encodeManagedFields(owners: Owners): readonly ManagedFieldsEntry[] {
  return [...owners.values()]
    .filter((owner) => !isEmptySet(owner.set))
    .toSorted(compareOwners)
    .map(encodeOwner);
}

/** Merges the oldest updaters until there are few enough. */
export function capUpdateManagers(owners: Owners): Owners {
  const updaters = [...owners.values()]
    .filter((owner) => owner.operation === "Update")
    .toSorted(compareOwners);
  let excess = updaters.length - UPDATE_MANAGERS_MAX;
  if (excess <= 0) return owners;
  const out = new Map(owners);
  const firstByVersion = new Map<string, Owner>();
  for (const owner of updaters) {
    if (excess <= 0) break;
    const first = firstByVersion.get(owner.apiVersion);
    if (first === undefined) {
      firstByVersion.set(owner.apiVersion, owner);
      continue;
    }
    const identity = managerIdentity(ANCIENT_CHANGES, "Update", owner.apiVersion, undefined);
    const key = identityOf(identity);
    const bucket = out.get(key) ?? first;
    out.delete(identityOf(first));
    out.delete(identityOf(owner));
    out.set(key, {
      ...identity,
      ...(owner.time !== undefined && { time: owner.time }),
      set: union(owner.set, bucket.set),
    });
    excess--;
  }
  return out;
}

function encodeOwner(owner: Owner): ManagedFieldsEntry {
  const { manager, operation, apiVersion, time, set, subresource, source } = owner;
  if (source !== undefined && source.fieldsV1 === set && source.time === time) return source;
  return {
    manager,
    operation,
    apiVersion,
    ...(time !== undefined && { time }),
    fieldsType: "FieldsV1",
    fieldsV1: sortSet(set),
    ...(subresource !== undefined && { subresource }),
  };
}

function decodeEntry(entry: ManagedFieldsEntry): Owner | undefined {
  const { manager = "", operation, apiVersion = "", time, fieldsType, fieldsV1, subresource } = entry;
  if (operation !== "Apply" && operation !== "Update") return undefined;
  if (apiVersion === "" || fieldsType !== "FieldsV1" || (fieldsV1 !== undefined && !isJsonObject(fieldsV1)))
    return undefined;
  return {
    manager,
    operation,
    apiVersion,
    set: fieldsV1 ?? {},
    source: entry,
    ...(time !== undefined && isTime(time) && { time }),
    ...(subresource !== undefined && subresource !== "" && { subresource }),
  };
}

function compareOwners(a: Owner, b: Owner): number {
  return (
    compareStrings(a.operation, b.operation) ||
    // Canonical times sort as text.
    compareStrings(a.time ?? "", b.time ?? "") ||
    compareStrings(a.manager, b.manager) ||
    compareStrings(a.apiVersion, b.apiVersion) ||
    compareStrings(a.subresource ?? "", b.subresource ?? "")
  );
}
