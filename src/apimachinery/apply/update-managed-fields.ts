/** Ownership after an ordinary write: whoever changes a field owns it. @module */
import { isJsonObject, own, type JsonObject } from "../json.ts";
import type { ManagedFieldsEntry } from "../meta.ts";
import type { Schema } from "../schema.ts";
import { formatTime } from "../time.ts";
import { compare, excludeFields } from "./compare.ts";
import { EMPTY_SET, type FieldSet } from "./field-set.ts";
import {
  capUpdateManagers,
  decodeManagedFields,
  encodeManagedFields,
  isReset,
  managerIdentity,
  NO_OWNERS,
  type Owners,
} from "./managers.ts";
import { ownChanges } from "./ownership.ts";

export interface ManagedUpdate {
  /** The stored object; undefined on create. */
  readonly old: JsonObject | undefined;
  /** The object as it will be stored, defaulted; its `managedFields` are what the client sent. */
  readonly new: JsonObject;
  readonly manager: string;
  readonly schema: Schema;
  readonly apiVersion: string;
  readonly subresource?: string;
  /** Fields that this endpoint resets (`status` outside of its subresource): never owned through it. */
  readonly resetFields?: FieldSet;
  /** ms since 1970. */
  readonly now: number;
}

/**
 * The new object with the `managedFields` it is to be stored with. Cost: the difference of the two objects; subtrees
 * that they share are not walked. Entries that the change does not touch are taken over as they are.
 */
export function updateManagedFields(update: ManagedUpdate): JsonObject {
  const { old, schema, apiVersion } = update;
  const kept = entriesBefore(update);
  const owners = decodeManagedFields(kept) ?? NO_OWNERS;
  // Upstream's rule: an object whose owners nobody tracks stays so until somebody applies.
  if (owners.size === 0 && old !== undefined) return withManagedFields(update.new, []);
  const comparison = excludeFields(
    compare(withoutManagedFields(old ?? {}), withoutManagedFields(update.new), schema),
    update.resetFields ?? EMPTY_SET,
  );
  const writer = managerIdentity(update.manager, "Update", apiVersion, update.subresource);
  const after = ownChanges(owners, writer, comparison, formatTime(update.now));
  if (after === owners && kept !== undefined) return withManagedFields(update.new, kept);
  return withManagedFields(update.new, encodeManagedFields(capUpdateManagers(after)));
}

/** What to start from: the client's list if it sent a sound one, nothing if it asked to forget, else the stored list. */
function entriesBefore(update: ManagedUpdate): readonly ManagedFieldsEntry[] | undefined {
  const stored = update.old === undefined ? undefined : managedFieldsOf(update.old);
  if (update.subresource !== undefined && update.subresource !== "") return stored;
  const sent = managedFieldsOf(update.new);
  if (isReset(sent)) return [];
  const owners: Owners | undefined = decodeManagedFields(sent);
  return owners === undefined || owners.size === 0 ? stored : sent;
}

export function managedFieldsOf(object: JsonObject): readonly ManagedFieldsEntry[] | undefined {
  const metadata = own(object, "metadata");
  const entries = isJsonObject(metadata) ? own(metadata, "managedFields") : undefined;
  return Array.isArray(entries) ? entries : undefined;
}

/** The object with these entries; with none the field is absent. */
export function withManagedFields(object: JsonObject, entries: readonly ManagedFieldsEntry[]): JsonObject {
  if (entries.length === 0) return withoutManagedFields(object);
  if (managedFieldsOf(object) === entries) return object;
  const metadata = own(object, "metadata");
  return { ...object, metadata: { ...(isJsonObject(metadata) && metadata), managedFields: entries } };
}

function withoutManagedFields(object: JsonObject): JsonObject {
  const metadata = own(object, "metadata");
  if (!isJsonObject(metadata) || !Object.hasOwn(metadata, "managedFields")) return object;
  const { managedFields: _entries, ...rest } = metadata;
  return { ...object, metadata: rest };
}
