/** CEL over the claims of a token, and over the user made of them. @module */
import type { CelEnv } from "#apimachinery/cel";
import { compileTyped, typedEnv } from "../../typed-cel.ts";
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

let claimsEnvironment: CelEnv | undefined;
let userEnvironment: CelEnv | undefined;

/** A mapping may give anything: its value is judged when it is there. Throws `CompileError`. */
export function compileClaimMapping(source: string): Expression {
  return compileClaims(source, "dyn");
}

export function compileClaimRule(source: string): Expression {
  return compileClaims(source, "bool");
}

export function compileUserRule(source: string): Expression {
  userEnvironment ??= typedEnv("user", USER_TYPE, { [USER_TYPE]: USER_FIELDS });
  return expression("user", userEnvironment, source, "bool");
}

function compileClaims(source: string, type: "bool" | "dyn"): Expression {
  claimsEnvironment ??= typedEnv("claims", "map<string, dyn>");
  return expression("claims", claimsEnvironment, source, type);
}

function expression(variable: string, env: CelEnv, source: string, type: "bool" | "dyn"): Expression {
  const program = compileTyped(env, source, type);
  const code = source.replaceAll(STRING_LITERALS, "''");
  return {
    source,
    run: (value) => program.run(value),
    selects: (name) => new RegExp(`\\b${variable}\\s*\\.\\s*\\??\\s*${name}\\b`).test(code),
  };
}

export function claimsValue(claims: Claims): unknown {
  return claims;
}

export function userValue({ name, uid = "", groups, extra = {} }: UserInfo): unknown {
  return { username: name, uid, groups, extra };
}
