/** `matchLabelKeys` and `mismatchLabelKeys` of pod affinity and of spreading (KEP-3633, KEP-3243). @module */
import { field, validateLabelName } from "#apimachinery";
import type { LabelSelector } from "../meta/v1/types.gen.ts";
import { all, each, NONE, type Causes } from "./common.ts";

const NEEDS_SELECTOR = "must not be specified when labelSelector is not set";
const IN_SELECTOR = "exists in both matchLabelKeys and labelSelector";

/** Keys whose requirement the API server has merged into the selector already may stand there once. */
export function validateLabelKeys(
  path: string,
  selector: LabelSelector | undefined,
  matchKeys: readonly string[] = [],
  mismatchKeys: readonly string[] = [],
): Causes {
  return all(
    validateKeys(matchKeys, selector, field.child(path, "matchLabelKeys")),
    validateKeys(mismatchKeys, selector, field.child(path, "mismatchLabelKeys")),
    keysInSelector(path, selector, matchKeys),
    each(matchKeys, field.child(path, "matchLabelKeys"), (key, at) =>
      mismatchKeys.includes(key)
        ? [field.invalid(at, key, "exists in both matchLabelKeys and mismatchLabelKeys")]
        : NONE,
    ),
  );
}

function validateKeys(keys: readonly string[], selector: LabelSelector | undefined, path: string): Causes {
  if (keys.length === 0) return NONE;
  if (selector === undefined) return [field.forbidden(path, NEEDS_SELECTOR)];
  return each(keys, path, validateLabelName);
}

function keysInSelector(path: string, selector: LabelSelector | undefined, keys: readonly string[]): Causes {
  const seen = new Set(Object.keys(selector?.matchLabels ?? {}));
  return (selector?.matchExpressions ?? []).flatMap(({ key }) => {
    const repeated = keys.includes(key) && seen.has(key);
    seen.add(key);
    return repeated ? [field.invalid(field.index(path, keys.lastIndexOf(key)), key, IN_SELECTOR)] : [];
  });
}

/** The rule of older releases, by which constraints that were accepted then are still judged. */
export function validateLegacyLabelKeys(
  path: string,
  selector: LabelSelector | undefined,
  keys: readonly string[] = [],
): Causes {
  if (keys.length === 0) return NONE;
  const inSelector = new Set([
    ...Object.keys(selector?.matchLabels ?? {}),
    ...(selector?.matchExpressions ?? []).map(({ key }) => key),
  ]);
  return all(
    selector === undefined ? [field.forbidden(path, NEEDS_SELECTOR)] : NONE,
    each(keys, path, (key, at) =>
      all(validateLabelName(key, at), inSelector.has(key) ? [field.invalid(at, key, IN_SELECTOR)] : NONE),
    ),
  );
}
