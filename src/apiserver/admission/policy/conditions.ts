/** `matchConditions`: expressions over the request, all of which must hold for a policy or a webhook to be asked. @module */
import { BOOL, type CelType } from "#apimachinery/cel";
import type { MatchCondition } from "#api/admissionregistration/v1/types.gen";
import { evaluateAll, MATCH_CONDITIONS_COST_MAX, OutOfBudget, type EvaluationInput } from "./evaluation.ts";
import type { Expression, Variable } from "#api/admissionregistration/v1/policy-compiler";

/** They hold or not, or could not be evaluated and none of the others says no. */
export type MatchResult = boolean | { readonly error: string };

export interface Conditions {
  readonly isEmpty: boolean;
  /** Throws what the authorizer throws. */
  readonly match: (input: EvaluationInput) => MatchResult;
}

const EMPTY: Conditions = { isEmpty: true, match: () => true };

/** `failurePolicy`: what an error means; "Ignore" makes it a no. */
export function newConditions(
  conditions: readonly MatchCondition[],
  compile: (source: string) => Expression,
  variables: readonly Variable[],
  failurePolicy: string | undefined,
): Conditions {
  if (conditions.length === 0) return EMPTY;
  const expressions = conditions.map(({ expression }) => compile(expression));
  return {
    isEmpty: false,
    match: (input) => {
      const result = matchAll(expressions, variables, input);
      return typeof result === "object" && failurePolicy === "Ignore" ? false : result;
    },
  };
}

function matchAll(
  expressions: readonly Expression[],
  variables: readonly Variable[],
  input: EvaluationInput,
): MatchResult {
  try {
    // The namespace is none of what match conditions see.
    const seen = { ...input, namespace: undefined };
    const { outcomes } = evaluateAll(expressions, variables, seen, MATCH_CONDITIONS_COST_MAX);
    if (outcomes.some((outcome) => outcome !== undefined && "value" in outcome && outcome.value === false))
      return false;
    const errors = outcomes.flatMap((outcome) =>
      outcome !== undefined && "error" in outcome ? [outcome.error] : [],
    );
    return errors.length === 0 ? true : { error: aggregate(errors) };
  } catch (err) {
    if (err instanceof OutOfBudget) return { error: err.message };
    throw err;
  }
}

export const CONDITION_TYPES: readonly CelType[] = [BOOL];

/** Go's text of several errors. */
function aggregate(errors: readonly string[]): string {
  const distinct = [...new Set(errors)];
  return distinct.length === 1 ? distinct[0]! : `[${distinct.join(", ")}]`;
}
