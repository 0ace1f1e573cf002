/** What an applier no longer applies goes away, unless somebody else holds it. @module */
import type { Schema } from "../schema.ts";
import { difference, intersection, isEmptySet, union, type FieldSet } from "./field-set.ts";
import type { Owners } from "./managers.ts";
import { removeItems } from "./remove.ts";
import { toFieldSet, withNamedFields } from "./to-field-set.ts";

/**
 * `merged` without the fields of `lastSet` that nobody owns now. `owners` already has the applier's new set.
 */
export function prune(merged: unknown, owners: Owners, lastSet: FieldSet, schema: Schema): unknown {
  if (isEmptySet(lastSet)) return merged;
  const named = (set: FieldSet): FieldSet => withNamedFields(set, schema);
  const last = named(lastSet);
  const all = named(toFieldSet(merged, schema));
  const managed = [...owners.values()].reduce<FieldSet>((sum, owner) => union(sum, owner.set), {});
  const withoutLast = removeItems(merged, last, schema);
  // Add back what anybody claims, also below what was removed with the applier's fields.
  const claimed = union(named(toFieldSet(withoutLast, schema)), named(managed));
  const withClaimed = removeItems(merged, difference(all, claimed), schema);
  // Add back what nobody claims but the applier never had: it was not the applier's to remove.
  const gone = difference(all, named(toFieldSet(withClaimed, schema)));
  return removeItems(merged, intersection(gone, last), schema);
}
