/** Lists, sets and maps with a bound: one that is too long is not looked into. @module */
import { field } from "#apimachinery";
import { all, duplicates, each, type Causes } from "../../validation/common.ts";

type ItemRule<T> = (item: T, path: string) => Causes;

export function validateSlice<T>(
  items: readonly T[] | undefined,
  max: number,
  rule: ItemRule<T>,
  path: string,
): Causes {
  const count = items?.length ?? 0;
  return count > max ? [field.tooMany(path, count, max)] : each(items, path, rule);
}

/** No two items may have the same key; the second of them is the duplicate. */
export function validateSet<T>(
  items: readonly T[] | undefined,
  max: number,
  rule: ItemRule<T>,
  key: (item: T) => string,
  path: string,
): Causes {
  const count = items?.length ?? 0;
  if (count > max) return [field.tooMany(path, count, max)];
  return all(
    each(items, path, rule),
    duplicates(items ?? [], key, (i) => field.index(path, i)),
  );
}

/** Keys are judged at the path of the map, values at their own, in which a long key is shortened. */
export function validateMap<T>(
  map: Readonly<Record<string, T>> | undefined,
  max: number,
  keyBytesMax: number,
  rules: { readonly key: ItemRule<string>; readonly value: ItemRule<T> },
  path: string,
): Causes {
  const entries = Object.entries(map ?? {});
  if (entries.length > max) return [field.tooMany(path, entries.length, max)];
  return entries.flatMap(([name, value]) =>
    all(rules.key(name, path), rules.value(value, field.key(path, shortened(name, keyBytesMax)))),
  );
}

const ELLIPSIS = "...";

function shortened(text: string, max: number): string {
  if (text.length <= max) return text;
  const remaining = max - ELLIPSIS.length;
  const [head, tail] = [Math.floor((remaining + 1) / 2), Math.floor(remaining / 2)];
  return `${text.slice(0, head)}${ELLIPSIS}${text.slice(text.length - tail)}`;
}
