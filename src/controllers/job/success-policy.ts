/** Whether enough indexes of a Job have succeeded by its successPolicy. @module */
import type { Job } from "#api/batch/v1/types.gen";
import { parseIndexes } from "./indexes.ts";

/** The message of the condition when a rule is met; undefined when none is. */
export function metSuccessRule({ spec }: Job, succeeded: ReadonlySet<number>): string | undefined {
  if (succeeded.size === 0) return undefined;
  const rules = spec?.successPolicy?.rules ?? [];
  const met = rules.findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined)
      return succeededCount !== undefined && succeeded.size >= succeededCount;
    const required = [...parseIndexes(succeededIndexes)].filter((index) => index < (spec?.completions ?? 0));
    const count = required.filter((index) => succeeded.has(index)).length;
    if (required.length === 0) return false;
    return count === required.length || (succeededCount !== undefined && count >= succeededCount);
  });
  return met < 0 ? undefined : `Matched rules at index ${met}`;
}
