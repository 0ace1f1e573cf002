/** `matchConditions`: CEL expressions over the request, all of which must hold for a webhook to be asked. @module */
import type { MatchCondition } from "#api/admissionregistration/v1/types.gen";
import { field, type StatusCause } from "#apimachinery";
import { Budget } from "../../crd/cel/budget.ts";
import { newEnvironment } from "../../crd/cel/environment.ts";
import { compile, CompileError, type Program } from "../../crd/cel/program.ts";

/** What expressions see; `authorizer` is not among it. */
export interface ConditionVariables {
  readonly object: unknown;
  readonly oldObject: unknown;
  readonly request: unknown;
}

export interface Conditions {
  readonly isEmpty: boolean;
  /** Throws an Error that says which condition could not be evaluated, unless another one already says no. */
  readonly hold: (variables: ConditionVariables) => boolean;
}

/** Steps of all conditions of one webhook; upstream's RuntimeCELCostBudgetMatchConditions. */
const COST_MAX = 2_500_000;
const EMPTY: Conditions = { isEmpty: true, hold: () => true };
let environment: ReturnType<typeof newEnvironment> | undefined;

export function compileConditions(conditions: readonly MatchCondition[]): Conditions {
  if (conditions.length === 0) return EMPTY;
  const programs = conditions.map(({ name, expression }) => ({ name, program: tryCompile(expression) }));
  return {
    isEmpty: false,
    hold(variables) {
      const budget = new Budget(COST_MAX);
      const values = Object.fromEntries(
        Object.entries(variables).map(([name, value]) => [name, celValue(value)]),
      );
      const problems: string[] = [];
      for (const { name, program } of programs) {
        try {
          if (program instanceof CompileError) throw program;
          if (program.run(values, budget) !== true) return false;
        } catch (err) {
          problems.push(`${name}: ${err instanceof Error ? err.message : String(err)}`);
        }
      }
      if (problems.length > 0) throw new Error(problems.join(", "));
      return true;
    },
  };
}

/** What is wrong with the expressions, for who writes the configuration. */
export function conditionCauses(conditions: readonly MatchCondition[], path: string): readonly StatusCause[] {
  return conditions.flatMap(({ expression }, i) => {
    const program = tryCompile(expression);
    if (!(program instanceof CompileError)) return [];
    return [field.invalid(`${path}[${i}].expression`, expression, program.message)];
  });
}

function tryCompile(expression: string): Program | CompileError {
  environment ??= newEnvironment()
    .registerVariable("object", "dyn")
    .registerVariable("oldObject", "dyn")
    .registerVariable("request", "dyn");
  try {
    return compile(environment, expression, "bool");
  } catch (err) {
    if (err instanceof CompileError) return err;
    throw err;
  }
}

/** JSON as CEL has it: whole numbers are integers. */
function celValue(value: unknown): unknown {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(celValue);
  if (typeof value !== "object" || value === null) return value ?? null;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.map(([key, item]) => [key, celValue(item)]));
}
