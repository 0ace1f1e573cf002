/** A rule of a schema (`x-kubernetes-validations`) compiled: what it sees, what it costs at most. @module */
import {
  BOOL,
  CelIssues,
  compile,
  declTypeOf,
  estimateCost,
  newEnv,
  optionalOf,
  sameType,
  sizeIn,
  STRING,
  structsOf,
  uses,
  type CelEnv,
  type CelType,
  type DeclType,
  type Program,
} from "#apimachinery/cel";
import type { JsonObject } from "#apimachinery";
import type { ValidationRule } from "#api/apiextensions/v1/types.gen";
import { once } from "../../once.ts";
import type { Structural } from "../structural.ts";

/** Or why there is none. */
export interface CompiledExpression {
  readonly program: Program;
  /** The worst case. */
  readonly costMax: number;
}

export interface CompiledRule {
  readonly rule: ValidationRule;
  /** Undefined when the rule is empty. */
  readonly expression: CompiledExpression | string | undefined;
  readonly message: CompiledExpression | string | undefined;
  readonly usesOldSelf: boolean;
}

/** The types that the rules of one node see. */
export interface RuleScope {
  readonly decl: DeclType;
  readonly compile: (rule: ValidationRule) => CompiledRule;
}

const SELF = "selfType";

/** `isRoot`: the node is a whole object. Undefined when expressions cannot see the node. */
export function ruleScope({ props, isEmbedded }: Structural, isRoot: boolean): RuleScope | undefined {
  const decl = declTypeOf(props as unknown as JsonObject, SELF, isRoot || isEmbedded);
  if (decl === undefined) return undefined;
  const structs = structsOf(decl);
  const envOf = (oldSelf: CelType): CelEnv =>
    newEnv({ variables: { self: decl.type, oldSelf }, findStruct: (name) => structs.get(name) });
  const [plain, optional] = [once(() => envOf(decl.type)), once(() => envOf(optionalOf(decl.type)))];
  return {
    decl,
    compile: (rule) => compileRule(rule, rule.optionalOldSelf === true ? optional() : plain(), decl),
  };
}

function compileRule(rule: ValidationRule, env: CelEnv, decl: DeclType): CompiledRule {
  const none = { rule, expression: undefined, message: undefined, usesOldSelf: false };
  if (rule.rule.trim() === "") return none;
  const expression = compileExpression(env, decl, rule.rule, BOOL, "");
  if (typeof expression === "string") return { ...none, expression };
  const text = rule.messageExpression ?? "";
  return {
    rule,
    expression,
    message: text === "" ? undefined : compileExpression(env, decl, text, STRING, "messageExpression "),
    usesOldSelf: uses(expression.program.expr, "oldSelf"),
  };
}

function compileExpression(
  env: CelEnv,
  decl: DeclType,
  source: string,
  wanted: CelType,
  what: string,
): CompiledExpression | string {
  try {
    const program = compile(env, source);
    if (!sameType(program.type, wanted)) {
      return `${what === "" ? "cel expression " : what}must evaluate to a ${wanted.name}`;
    }
    return { program, costMax: estimateCost(program.expr, (path) => sizeIn(decl, path)).max };
  } catch (err) {
    if (!(err instanceof CelIssues)) throw err;
    return `${what}compilation failed: ${err.message}`;
  }
}
