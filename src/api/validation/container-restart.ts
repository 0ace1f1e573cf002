/** Restart policies of single containers and their rules by exit code (KEP-5307). @module */
import { field } from "#apimachinery";
import type { Container } from "../core/v1/types.gen.ts";
import { all, each, NONE, oneOf, type Causes } from "./common.ts";

const RULES_MAX = 20;
const EXIT_CODES_MAX = 255;

export function validateRestartRules(
  { restartPolicy, restartPolicyRules = [] }: Container,
  path: string,
): Causes {
  const policyPath = field.child(path, "restartPolicy");
  const rulesPath = field.child(path, "restartPolicyRules");
  if (restartPolicy === undefined && restartPolicyRules.length === 0) return NONE;
  return all(
    restartPolicy === undefined
      ? [field.required(policyPath, "must specify restartPolicy when restart rules are used")]
      : oneOf(restartPolicy, ["Always", "Never", "OnFailure"], policyPath),
    restartPolicyRules.length > RULES_MAX
      ? [field.tooMany(rulesPath, restartPolicyRules.length, RULES_MAX)]
      : NONE,
    each(restartPolicyRules, rulesPath, ({ action, exitCodes }, at) => {
      const codesPath = field.child(at, "exitCodes");
      const count = exitCodes?.values?.length ?? 0;
      return all(
        oneOf(action, ["Restart", "RestartAllContainers"], field.child(at, "action")),
        exitCodes === undefined
          ? [field.required(codesPath, "must be specified")]
          : oneOf(exitCodes.operator, ["In", "NotIn"], field.child(codesPath, "operator")),
        count > EXIT_CODES_MAX
          ? [field.tooMany(field.child(codesPath, "values"), count, EXIT_CODES_MAX)]
          : NONE,
      );
    }),
  );
}
