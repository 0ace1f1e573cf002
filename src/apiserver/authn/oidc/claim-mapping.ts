/** From the claims of a token to the user it stands for, by the rules of a configuration; upstream's words where something is wrong. Pure. @module */
import { isJsonObject, messageOf } from "#apimachinery";
import type { UserInfo } from "../../user-info.ts";
import type { JwtAuthenticatorSpec } from "../configuration/types.ts";
import { claimsValue, userValue, type Claims, type Expression } from "./expressions.ts";

/** The expressions of a configuration, compiled. */
export interface CompiledMapping {
  readonly username?: Expression;
  readonly groups?: Expression;
  readonly uid?: Expression;
  readonly extra: readonly { readonly key: string; readonly expression: Expression }[];
  readonly claimRules: readonly CompiledRule[];
  readonly userRules: readonly CompiledRule[];
}

export interface CompiledRule {
  readonly expression: Expression;
  readonly message: string;
}

const CREDENTIAL_ID = "authentication.kubernetes.io/credential-id";

/** Throws an Error that says which rule the claims do not meet. */
export function mapClaims(claims: Claims, spec: JwtAuthenticatorSpec, compiled: CompiledMapping): UserInfo {
  const value = claimsValue(claims);
  const name = usernameOf(claims, value, spec, compiled);
  const groups = groupsOf(claims, value, spec, compiled);
  const uid = uidOf(claims, value, spec, compiled);
  const extra = extraOf(claims, value, compiled);
  const user: UserInfo = {
    name,
    groups,
    ...(uid !== "" && { uid }),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
  checkRequiredClaims(claims, spec);
  checkRules(compiled.claimRules, value, "claim validation expression");
  checkRules(compiled.userRules, userValue(user), "user info validation rule");
  return user;
}

function usernameOf(
  claims: Claims,
  value: unknown,
  { claimMappings }: JwtAuthenticatorSpec,
  { username: expression }: CompiledMapping,
): string {
  if (expression !== undefined) {
    const name = evaluate(expression, value, "username claim");
    if (typeof name !== "string")
      throw failure("username claim", "username claim expression must return a string");
    if (name === "") throw new Error("oidc: empty username via CEL expression is not allowed");
    return name;
  }
  const { claim = "", prefix = "" } = claimMappings.username;
  const name = claims[claim];
  if (typeof name !== "string") {
    throw new Error(`oidc: parse username claims ${JSON.stringify(claim)}: ${absent(claims, claim)}`);
  }
  if (claim === "email" && claims["email_verified"] !== undefined) {
    const isVerified = claims["email_verified"];
    if (typeof isVerified !== "boolean")
      throw new Error("oidc: parse 'email_verified' claim: it is not a boolean");
    if (!isVerified) throw new Error("oidc: email not verified");
  }
  return prefix + name;
}

function groupsOf(
  claims: Claims,
  value: unknown,
  { claimMappings }: JwtAuthenticatorSpec,
  { groups: expression }: CompiledMapping,
): readonly string[] {
  if (expression !== undefined) return stringList(evaluate(expression, value, "group claim"), "group claim");
  const { claim = "", prefix = "" } = claimMappings.groups ?? {};
  if (claim === "" || claims[claim] === undefined) return [];
  // A single role is a group, too.
  const groups = [claims[claim]].flat();
  if (!groups.every((group) => typeof group === "string")) {
    throw new Error(
      `oidc: parse groups claim ${JSON.stringify(claim)}: it is neither a string nor a list of strings`,
    );
  }
  return groups.map((group) => prefix + group);
}

function uidOf(
  claims: Claims,
  value: unknown,
  { claimMappings }: JwtAuthenticatorSpec,
  { uid: expression }: CompiledMapping,
): string {
  if (expression !== undefined) {
    const uid = evaluate(expression, value, "uid claim");
    if (typeof uid !== "string") throw failure("uid claim", "uid claim expression must return a string");
    return uid;
  }
  const { claim = "" } = claimMappings.uid ?? {};
  if (claim === "") return "";
  const uid = claims[claim];
  if (typeof uid !== "string")
    throw new Error(`oidc: parse uid claim ${JSON.stringify(claim)}: ${absent(claims, claim)}`);
  return uid;
}

function extraOf(
  claims: Claims,
  value: unknown,
  { extra }: CompiledMapping,
): Record<string, readonly string[]> {
  const { jti } = claims;
  const found: Record<string, readonly string[]> = {};
  if (typeof jti === "string" && jti !== "") found[CREDENTIAL_ID] = [`JTI=${jti}`];
  for (const { key, expression } of extra) {
    const what = `extra claim expression: ${expression.source}`;
    const values = stringList(evaluate(expression, value, "extra claim"), what);
    if (values.length > 0) found[key] = values;
  }
  return found;
}

function checkRequiredClaims(claims: Claims, { claimValidationRules = [] }: JwtAuthenticatorSpec): void {
  for (const { claim = "", requiredValue = "" } of claimValidationRules) {
    if (claim === "") continue;
    const value = claims[claim];
    if (value === undefined) throw new Error(`oidc: required claim ${claim} not present in ID token`);
    if (typeof value !== "string") throw new Error(`oidc: parse claim ${claim}: it is not a string`);
    if (value !== requiredValue) {
      throw new Error(
        `oidc: required claim ${claim} value does not match. Got = ${value}, want = ${requiredValue}`,
      );
    }
  }
}

function checkRules(rules: readonly CompiledRule[], value: unknown, what: string): void {
  for (const { expression, message } of rules) {
    let holds: unknown;
    try {
      holds = expression.run(value);
    } catch (cause) {
      throw new Error(`oidc: error evaluating ${what}: ${messageOf(cause)}`, { cause });
    }
    if (holds === true) continue;
    const why = message === "" ? `validation expression '${expression.source}' failed` : message;
    throw new Error(`oidc: error evaluating ${what}: ${why}`);
  }
}

function evaluate(expression: Expression, value: unknown, what: string): unknown {
  try {
    return expression.run(value);
  } catch (cause) {
    throw failure(what, messageOf(cause), cause);
  }
}

function failure(what: string, why: string, cause?: unknown): Error {
  return new Error(`oidc: error evaluating ${what} expression: ${why}`, { cause });
}

/** A string, a list of strings, or nothing: empty strings count as nothing, as upstream. */
function stringList(value: unknown, what: string): readonly string[] {
  if (value === null || value === undefined || value === "") return [];
  if (typeof value === "string") return [value];
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string"))
    throw failure(what, "expression must return a string or a list of strings");
  return (value as readonly string[]).filter((item) => item !== "");
}

function absent(claims: Claims, claim: string): string {
  return claims[claim] === undefined ? "claim not present" : `it is no string but ${kindOf(claims[claim])}`;
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "a list" : isJsonObject(value) ? "an object" : `a ${typeof value}`;
}
