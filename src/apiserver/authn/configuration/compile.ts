/** Judges the authenticators of a configuration, in upstream's words, and compiles their expressions on the way. @module */
import { X509Certificate } from "node:crypto";
import { field, type StatusCause } from "#apimachinery";
import { validateDomainPrefixedPath } from "#api/validation/references";
import { CompileError } from "../../typed-cel.ts";
import type { CompiledMapping, CompiledRule } from "../oidc/claim-mapping.ts";
import {
  compileClaimMapping,
  compileClaimRule,
  compileUserRule,
  type Expression,
} from "../oidc/expressions.ts";
import type { IssuerSpec, JwtAuthenticatorSpec, PrefixedClaimOrExpression } from "./types.ts";

export interface Compiled {
  readonly mapping: CompiledMapping;
  readonly causes: readonly StatusCause[];
}

const BOTH = "claim and expression can't both be set";

/** `disallowedIssuers`: the server's own. */
export function compileAuthenticator(
  spec: JwtAuthenticatorSpec,
  path: string,
  disallowedIssuers: readonly string[],
): Compiled {
  const causes: StatusCause[] = [...issuerCauses(spec.issuer, `${path}.issuer`, disallowedIssuers)];
  const compiler = new Compiler(causes);
  const claimRules = claimRulesOf(spec, `${path}.claimValidationRules`, compiler);
  const mappings = mappingsOf(spec, `${path}.claimMappings`, compiler);
  const { username, extra } = mappings;
  const expressions = [username, ...extra.map((e) => e.expression), ...claimRules.map((r) => r.expression)];
  const isEmailUsed = username?.selects("email") === true;
  if (isEmailUsed && !expressions.some((expression) => expression?.selects("email_verified") === true)) {
    causes.push(
      field.invalid(
        `${path}.claimMappings.username.expression`,
        username.source,
        "claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression",
      ),
    );
  }
  const userRules = userRulesOf(spec, `${path}.userValidationRules`, compiler);
  return { mapping: { ...mappings, claimRules, userRules }, causes };
}

/** Notes down what does not compile. */
class Compiler {
  readonly causes: StatusCause[];

  constructor(causes: StatusCause[]) {
    this.causes = causes;
  }

  try(source: string, path: string, compile: (source: string) => Expression): Expression | undefined {
    try {
      return compile(source);
    } catch (err) {
      if (!(err instanceof CompileError)) throw err;
      this.causes.push(field.invalid(path, source, err.message));
      return undefined;
    }
  }
}

function issuerCauses(issuer: IssuerSpec, path: string, disallowed: readonly string[]): StatusCause[] {
  const { url, discoveryURL = "", audiences = [], audienceMatchPolicy = "" } = issuer;
  const causes = url === "" ? [field.required(`${path}.url`)] : urlCauses(url, `${path}.url`, disallowed);
  if (discoveryURL !== "") {
    const where = `${path}.discoveryURL`;
    if (url !== "" && url.replace(/\/+$/, "") === discoveryURL.replace(/\/+$/, ""))
      causes.push(field.invalid(where, discoveryURL, "discoveryURL must be different from URL"));
    causes.push(...urlCauses(discoveryURL, where, []));
  }
  causes.push(...audienceCauses(audiences, audienceMatchPolicy, path));
  const { certificateAuthority: ca = "", egressSelectorType = "" } = issuer;
  if (ca !== "" && !isBundle(ca))
    causes.push(
      field.invalid(
        `${path}.certificateAuthority`,
        "<omitted>",
        "data does not contain any valid RSA or ECDSA certificates",
      ),
    );
  if (egressSelectorType !== "")
    causes.push(
      field.invalid(
        `${path}.egressSelectorType`,
        egressSelectorType,
        `oidc: egress lookup required with egress selector type ${JSON.stringify(egressSelectorType)}`,
      ),
    );
  return causes;
}

function urlCauses(text: string, path: string, disallowed: readonly string[]): StatusCause[] {
  const causes: StatusCause[] = [];
  const complain = (why: string): void => void causes.push(field.invalid(path, text, why));
  if (disallowed.includes(text))
    complain(`URL must not overlap with disallowed issuers: [${disallowed.toSorted().join(" ")}]`);
  if (!URL.canParse(text)) {
    complain("URL scheme must be https");
    return causes;
  }
  const url = new URL(text);
  if (url.protocol !== "https:") complain("URL scheme must be https");
  if (url.username !== "" || url.password !== "") complain("URL must not contain a username or password");
  if (url.search !== "") complain("URL must not contain a query");
  if (url.hash !== "") complain("URL must not contain a fragment");
  return causes;
}

function audienceCauses(audiences: readonly string[], policy: string, path: string): readonly StatusCause[] {
  const where = `${path}.audiences`;
  if (audiences.length === 0) return [field.required(where, `at least one ${where} is required`)];
  const causes = audiences.flatMap((audience, i) => [
    ...(audience === "" ? [field.required(`${where}[${i}]`)] : []),
    ...(audiences.indexOf(audience) < i ? [field.duplicate(`${where}[${i}]`, audience)] : []),
  ]);
  if (policy === "MatchAny" || (policy === "" && audiences.length === 1)) return causes;
  const why =
    audiences.length > 1
      ? "audienceMatchPolicy must be MatchAny for multiple audiences"
      : "audienceMatchPolicy must be empty or MatchAny for single audience";
  return [...causes, field.invalid(`${path}.audienceMatchPolicy`, policy, why)];
}

function isBundle(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map((block) => new X509Certificate(block)).length > 0;
  } catch {
    return false;
  }
}

function claimRulesOf(
  { claimValidationRules = [] }: JwtAuthenticatorSpec,
  path: string,
  compiler: Compiler,
): readonly CompiledRule[] {
  const { causes } = compiler;
  const seen = new Set<string>();
  return claimValidationRules.flatMap((rule, i) => {
    const { claim = "", requiredValue = "", expression = "", message = "" } = rule;
    const where = `${path}[${i}]`;
    if (claim !== "" && expression !== "") causes.push(field.invalid(where, claim, BOTH));
    else if (claim === "" && expression === "")
      causes.push(field.required(where, "claim or expression is required"));
    else if (claim !== "") {
      if (message !== "")
        causes.push(field.invalid(`${where}.message`, message, "may not be specified when claim is set"));
      if (seen.has(`claim ${claim}`)) causes.push(field.duplicate(`${where}.claim`, claim));
      seen.add(`claim ${claim}`);
    } else {
      const at = `${where}.expression`;
      if (requiredValue !== "")
        causes.push(
          field.invalid(
            `${where}.requiredValue`,
            requiredValue,
            "may not be specified when expression is set",
          ),
        );
      if (seen.has(expression)) causes.push(field.duplicate(at, expression));
      else {
        seen.add(expression);
        const compiled = compiler.try(expression, at, compileClaimRule);
        if (compiled !== undefined) return [{ expression: compiled, message }];
      }
    }
    return [];
  });
}

type Mappings = Pick<CompiledMapping, "username" | "groups" | "uid" | "extra">;

function mappingsOf({ claimMappings }: JwtAuthenticatorSpec, path: string, compiler: Compiler): Mappings {
  const { causes } = compiler;
  const { claim = "", expression = "" } = claimMappings.uid ?? {};
  const username = prefixed(claimMappings.username, `${path}.username`, true, compiler);
  const groups = prefixed(claimMappings.groups ?? {}, `${path}.groups`, false, compiler);
  if (claim !== "" && expression !== "") causes.push(field.invalid(`${path}.uid`, "", BOTH));
  const uid =
    expression === "" || claim !== ""
      ? undefined
      : compiler.try(expression, `${path}.uid.expression`, compileClaimMapping);
  const seen = new Set<string>();
  const extra = (claimMappings.extra ?? []).flatMap(({ key = "", valueExpression = "" }, i) => {
    const where = `${path}.extra[${i}]`;
    causes.push(...validateDomainPrefixedPath(key, `${where}.key`));
    if (key !== key.toLowerCase()) causes.push(field.invalid(`${where}.key`, key, "must be lowercase"));
    if (/(?:^|\.)(?:k8s|kubernetes)\.io\//.test(key.slice(0, key.indexOf("/") + 1)))
      causes.push(
        field.invalid(
          `${where}.key`,
          key,
          "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use",
        ),
      );
    if (seen.has(key)) causes.push(field.duplicate(`${where}.key`, key));
    else if (valueExpression === "") causes.push(field.required(`${where}.valueExpression`));
    else {
      const compiled = compiler.try(valueExpression, `${where}.valueExpression`, compileClaimMapping);
      if (compiled !== undefined) return [{ key, expression: compiled }];
    }
    seen.add(key);
    return [];
  });
  return {
    ...(username !== undefined && { username }),
    ...(groups !== undefined && { groups }),
    ...(uid !== undefined && { uid }),
    extra,
  };
}

function prefixed(
  { claim = "", prefix, expression = "" }: PrefixedClaimOrExpression,
  path: string,
  isRequired: boolean,
  compiler: Compiler,
): Expression | undefined {
  const { causes } = compiler;
  if (expression !== "" && claim !== "") causes.push(field.invalid(path, "", BOTH));
  else if (expression !== "") {
    if (prefix !== undefined)
      causes.push(field.invalid(`${path}.prefix`, prefix, "may not be specified when expression is set"));
    return compiler.try(expression, `${path}.expression`, compileClaimMapping);
  } else if (claim !== "" && prefix === undefined)
    causes.push(
      field.required(
        `${path}.prefix`,
        "prefix is required when claim is set. It can be set to an empty string to disable prefixing",
      ),
    );
  else if (claim === "" && isRequired) causes.push(field.required(path, "claim or expression is required"));
  return undefined;
}

function userRulesOf(
  { userValidationRules = [] }: JwtAuthenticatorSpec,
  path: string,
  compiler: Compiler,
): readonly CompiledRule[] {
  const seen = new Set<string>();
  return userValidationRules.flatMap(({ expression = "", message = "" }, i) => {
    const at = `${path}[${i}].expression`;
    if (expression === "") compiler.causes.push(field.required(at));
    else if (seen.has(expression)) compiler.causes.push(field.duplicate(at, expression));
    else {
      seen.add(expression);
      const compiled = compiler.try(expression, at, compileUserRule);
      if (compiled !== undefined) return [{ expression: compiled, message }];
    }
    return [];
  });
}
