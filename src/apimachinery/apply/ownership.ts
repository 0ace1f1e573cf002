/** How ownership moves when an object changes. Pure set arithmetic on the owners. @module */
import { isEmptySet, difference, intersection, setOf, union, type FieldSet } from "./field-set.ts";
import { changedFields, type Comparison } from "./compare.ts";
import { identityOf, type Owner, type Owners } from "./managers.ts";

/** Fields that nobody owns: the server sets them, or they name the object. */
const UNOWNED: FieldSet = setOf(
  ["f:apiVersion"],
  ["f:kind"],
  ["f:metadata"],
  ...[
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
  ].map((name) => ["f:metadata", `f:${name}`]),
);

export function withoutUnowned(set: FieldSet): FieldSet {
  return difference(set, UNOWNED);
}

/** The fields of others that the change set. */
export function conflictsOf(
  owners: Owners,
  self: string,
  comparison: Comparison,
): ReadonlyMap<string, FieldSet> {
  const changed = changedFields(comparison);
  const conflicts = new Map<string, FieldSet>();
  if (isEmptySet(changed)) return conflicts;
  for (const [key, owner] of owners) {
    if (key === self) continue;
    const both = intersection(owner.set, changed);
    if (!isEmptySet(both)) conflicts.set(key, both);
  }
  return conflicts;
}

/** Everybody but `self` loses what the change set or removed. */
export function disown(owners: Owners, self: string, comparison: Comparison): Owners {
  const lost = union(changedFields(comparison), comparison.removed);
  if (isEmptySet(lost)) return owners;
  const out = new Map<string, Owner>();
  for (const [key, owner] of owners) {
    const set = key === self ? owner.set : difference(owner.set, lost);
    if (set === owner.set) out.set(key, owner);
    else if (!isEmptySet(set)) out.set(key, { ...owner, set });
  }
  return out;
}

/** `writer` comes to own what it changed, besides what it owns already. */
export function ownChanges(
  owners: Owners,
  writer: Omit<Owner, "set" | "time">,
  comparison: Comparison,
  time: string,
): Owners {
  const disowned = disown(owners, "", comparison);
  const gained = withoutUnowned(changedFields(comparison));
  if (isEmptySet(gained)) return disowned;
  const key = identityOf(writer);
  const previous = disowned.get(key);
  const set = previous === undefined ? gained : union(previous.set, gained);
  return new Map([...disowned, [key, { ...writer, time, set }]]);
}
