/** `matchConditions` of webhooks: they see the objects, the request and the authorizer. @module */
import type { CelEnv } from "#apimachinery/cel";
import type { MatchCondition } from "#api/admissionregistration/v1/types.gen";
import { admissionEnv } from "#api/admissionregistration/v1/policy-environment";
import { CONDITION_TYPES, newConditions, type Conditions } from "../policy/conditions.ts";
import { compileExpression, type Expression } from "#api/admissionregistration/v1/policy-compiler";

let environment: CelEnv | undefined;

export function webhookConditions(
  conditions: readonly MatchCondition[],
  failurePolicy: string | undefined,
): Conditions {
  return newConditions(conditions, compile, [], failurePolicy);
}

function compile(source: string): Expression {
  environment ??= admissionEnv({
    hasParams: false,
    hasAuthorizer: true,
    hasPatchTypes: false,
    variables: undefined,
  });
  return compileExpression(environment, source, CONDITION_TYPES);
}
