/** The older names of two labels, which follow the ones of today. Pure. @module */
import type { Node } from "#api/core/v1/types.gen";

/** Today's label → the older one, for selectors that were written for it. */
const OLDER_NAMES: Readonly<Record<string, string>> = {
  "kubernetes.io/os": "beta.kubernetes.io/os",
  "kubernetes.io/arch": "beta.kubernetes.io/arch",
};

/** Labels to set; undefined: all is well. */
export function missingLabels({ metadata }: Node): Readonly<Record<string, string>> | undefined {
  const { labels = {} } = metadata;
  const missing = Object.entries(OLDER_NAMES).flatMap(([name, older]) => {
    const value = labels[name];
    return value === undefined || labels[older] === value ? [] : [[older, value] as const];
  });
  return missing.length === 0 ? undefined : Object.fromEntries(missing);
}
