/** Objects, lists, tables and their rows without `managedFields`, for policies that leave them out. Pure. @module */
import { isJsonObject } from "#apimachinery";

/** A copy; what is shared with `value` is not changed. */
export function withoutManagedFields(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  const { metadata, items, rows, object } = value;
  return {
    ...value,
    ...(isJsonObject(metadata) && { metadata: bare(metadata) }),
    ...(Array.isArray(items) && { items: items.map(withoutManagedFields) }),
    ...(Array.isArray(rows) && { rows: rows.map(withoutManagedFields) }),
    // of a row
    ...(metadata === undefined && isJsonObject(object) && { object: withoutManagedFields(object) }),
  };
}

function bare({ managedFields: _managed, ...rest }: Readonly<Record<string, unknown>>): object {
  return rest;
}
