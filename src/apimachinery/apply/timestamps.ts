/** Writes that change nothing but the times in `managedFields` are no writes. @module */
import { jsonEqual, type JsonObject } from "../json.ts";
import type { ManagedFieldsEntry } from "../meta.ts";
import { managedFieldsOf, withManagedFields } from "./update-managed-fields.ts";

/**
 * `object` with the `managedFields` of `old` if only their times differ: what upstream does after defaulting and before
 * it stores, so that applying the same configuration again is no change. Returns `old` itself when nothing differs.
 */
export function ignoreManagedFieldsTimestamps(object: JsonObject, old: JsonObject): JsonObject {
  const before = managedFieldsOf(old) ?? [];
  if (!jsonEqual(withoutTimes(managedFieldsOf(object) ?? []), withoutTimes(before))) return object;
  return jsonEqual(withManagedFields(object, []), withManagedFields(old, [])) ? old : object;
}

function withoutTimes(entries: readonly ManagedFieldsEntry[]): readonly Omit<ManagedFieldsEntry, "time">[] {
  return entries.map(({ time: _time, ...rest }) => rest);
}
