/** CEL over the claims of a token, and over the user made of them. @module */
import type { Environment } from "@marcbachmann/cel-js";
import { celJson } from "../../cel-json.ts";
import { Budget, PER_RULE_COST_MAX } from "../../crd/cel/budget.ts";
import { newEnvironment } from "../../crd/cel/environment.ts";
import { compile } from "../../crd/cel/program.ts";
import type { UserInfo } from "../../user-info.ts";

export type Claims = Readonly<Record<string, unknown>>;

export interface Expression {
  readonly source: string;
  /** Throws what evaluation throws. */
  readonly run: (value: unknown) => unknown;
  /** Whether the field of the claims stands in it, as `claims.x` or `claims.?x`. */
  readonly selects: (field: string) => boolean;
}

const USER_TYPE = "kubernetes.UserInfo";
const USER_FIELDS = {
  username: "string",
  uid: "string",
  groups: "list<string>",
  extra: "map<string, list<string>>",
};
const STRING_LITERALS = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g;

let claimsEnvironment: Environment | undefined;
let userEnvironment: Environment | undefined;

/** A mapping may give anything: its value is judged when it is there. Throws `CompileError`. */
export function compileClaimMapping(source: string): Expression {
  return compileClaims(source, "dyn");
}

export function compileClaimRule(source: string): Expression {
  return compileClaims(source, "bool");
}

export function compileUserRule(source: string): Expression {
  userEnvironment ??= newEnvironment()
    .registerType(USER_TYPE, { fields: USER_FIELDS })
    .registerVariable("user", USER_TYPE);
  return expression("user", userEnvironment, source, "bool");
}

function compileClaims(source: string, type: "bool" | "dyn"): Expression {
  claimsEnvironment ??= newEnvironment().registerVariable("claims", "map<string, dyn>");
  return expression("claims", claimsEnvironment, source, type);
}

function expression(variable: string, env: Environment, source: string, type: "bool" | "dyn"): Expression {
  const program = compile(env, source, type);
  const code = source.replaceAll(STRING_LITERALS, "''");
  return {
    source,
    run: (value) => program.run({ [variable]: value }, new Budget(PER_RULE_COST_MAX)),
    selects: (name) => new RegExp(`\\b${variable}\\s*\\.\\s*\\??\\s*${name}\\b`).test(code),
  };
}

export function claimsValue(claims: Claims): unknown {
  return celJson(claims);
}

export function userValue({ name, uid = "", groups, extra = {} }: UserInfo): unknown {
  return { username: name, uid, groups, extra };
}
