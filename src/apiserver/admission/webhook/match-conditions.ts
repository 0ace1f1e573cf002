/** `matchConditions` of webhooks: they see the objects, the request and the authorizer. @module */
import type { CelEnv } from "#apimachinery/cel";
import type { MatchCondition } from "#api/admissionregistration/v1/types.gen";
import { admissionEnv } from "../policy/cel-types.ts";
import { CONDITION_TYPES, newConditions, type Conditions } from "../policy/conditions.ts";
import { compileExpression } from "../policy/expression.ts";

let environment: CelEnv | undefined;

export function webhookConditions(
  conditions: readonly MatchCondition[],
  failurePolicy: string | undefined,
): Conditions {
  const compile = (source: string): ReturnType<typeof compileExpression> => {
    environment ??= admissionEnv({
      hasParams: false,
      hasAuthorizer: true,
      hasPatchTypes: false,
      variables: undefined,
    });
    return compileExpression(environment, source, CONDITION_TYPES);
  };
  return newConditions(conditions, compile, [], failurePolicy);
}
