/** Order of merged lists: the patch's order for its own items, the live order for the others, interleaved. @module */
import { isJsonObject, own, type JsonObject } from "../json.ts";
import { invalidPatch } from "./errors.ts";
import { PATCH } from "./directives.ts";

/** What identifies an item: the value of its merge key, or the item itself when there is none. */
export function identityOf(item: unknown, mergeKey: string): unknown {
  if (mergeKey === "") return item;
  const object = objectItem(item);
  const value = own(object, mergeKey);
  if (value === undefined) {
    throw invalidPatch(`map: ${JSON.stringify(object)} does not contain declared merge key: ${mergeKey}`);
  }
  return value;
}

export function objectItem(item: unknown): JsonObject {
  if (isJsonObject(item)) return item;
  throw invalidPatch(`expected a map[string]interface {}, but received ${JSON.stringify(item)}`);
}

/** Whether the lists hold objects. Throws for lists of lists, and for lists that mix kinds. */
export function holdObjects(...lists: readonly (readonly unknown[])[]): boolean {
  const items = lists.flat();
  if (items.some((item) => Array.isArray(item))) throw invalidPatch("lists of lists are not supported");
  const objects = items.filter((item) => isJsonObject(item)).length;
  if (objects !== 0 && objects !== items.length) {
    throw invalidPatch(`list element types are not identical: ${JSON.stringify(lists)}`);
  }
  return objects > 0;
}

/**
 * Sorts the items that `patchOrder` names by it, the others by `liveOrder`, and puts each of the latter before the
 * first of the former that stood behind it in the live list.
 */
export function orderElements(
  merged: readonly unknown[],
  patchOrder: readonly unknown[],
  liveOrder: readonly unknown[],
  mergeKey: string,
): readonly unknown[] {
  const inPatch = positions(patchOrder, mergeKey);
  const inLive = positions(liveOrder, mergeKey);
  const named = merged.filter((item) => inPatch.has(identityOf(item, mergeKey)));
  const others = merged.filter((item) => !inPatch.has(identityOf(item, mergeKey)));
  return interleave(sortBy(others, inLive, mergeKey), sortBy(named, inPatch, mergeKey), inLive, mergeKey);
}

/** `items` in the order of `order`, unnamed ones first as they were, items marked for deletion last. */
export function sortByOrder(
  items: readonly unknown[],
  order: readonly unknown[],
  mergeKey: string,
): unknown[] {
  const kept = items.filter((item) => !isDeletion(item));
  return [...sortBy(kept, positions(order, mergeKey), mergeKey), ...items.filter(isDeletion)];
}

function positions(order: readonly unknown[], mergeKey: string): ReadonlyMap<unknown, number> {
  const map = new Map<unknown, number>();
  for (const [i, item] of order.entries()) {
    const identity = identityOf(item, mergeKey);
    if (!map.has(identity)) map.set(identity, i);
  }
  return map;
}

function sortBy(
  items: readonly unknown[],
  order: ReadonlyMap<unknown, number>,
  mergeKey: string,
): readonly unknown[] {
  const rank = (item: unknown): number => order.get(identityOf(item, mergeKey)) ?? -1;
  return items.toSorted((a, b) => rank(a) - rank(b));
}

function interleave(
  left: readonly unknown[],
  right: readonly unknown[],
  order: ReadonlyMap<unknown, number>,
  mergeKey: string,
): readonly unknown[] {
  const out: unknown[] = [];
  let i = 0;
  for (const item of right) {
    const position = order.get(identityOf(item, mergeKey));
    while (i < left.length && isBefore(order.get(identityOf(left[i], mergeKey)), position))
      out.push(left[i++]);
    out.push(item);
  }
  return [...out, ...left.slice(i)];
}

function isBefore(a: number | undefined, b: number | undefined): boolean {
  return a !== undefined && b !== undefined && a < b;
}

function isDeletion(item: unknown): boolean {
  return isJsonObject(item) && own(item, PATCH) === "delete";
}
