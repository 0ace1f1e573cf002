/** Label selectors of controllers, as predicates over labels. @module */
import { labels } from "#apimachinery";
import type { LabelSelector } from "#api/meta/v1/types.gen";

export type LabelPredicate = (labels: Readonly<Record<string, string>> | undefined) => boolean;

/** An empty selector matches everything; an absent one, or one the API would refuse, nothing. */
export function selectorPredicate(selector: LabelSelector | undefined): LabelPredicate {
  const parsed = parse(selector);
  return (set) => labels.matches(parsed, set);
}

/** Objects stored before a rule became stricter may carry a selector that does not parse. */
function parse(selector: LabelSelector | undefined): labels.Selector {
  try {
    return labels.fromLabelSelector(selector);
  } catch (err) {
    if (err instanceof labels.SelectorError) return labels.nothing;
    throw err;
  }
}

/** A selector that selects everything, which controllers refuse to act on. */
export function isEmptySelector(selector: LabelSelector | undefined): boolean {
  const isEmpty = Object.keys(selector?.matchLabels ?? {}).length === 0;
  return isEmpty && (selector?.matchExpressions ?? []).length === 0;
}
