/** Reads an AuthenticationConfiguration strictly. @module */
import { field, type JsonObject, type StatusCause } from "#apimachinery";
import { parseConfig } from "#component-base";
import { compileAuthenticator } from "./compile.ts";
import { AUTHENTICATION_SCHEMA } from "./schema.ts";
import type { AuthenticationConfiguration, JwtAuthenticatorSpec } from "./types.ts";

const AUTHENTICATORS_MAX = 64;
const GROUP = "apiserver.config.k8s.io";

/** Throws `ConfigError` with all that is wrong. */
export function loadAuthenticationConfiguration(
  text: string,
  source: string,
  disallowedIssuers: readonly string[],
): AuthenticationConfiguration {
  const version = /^\s*apiVersion:\s*["']?apiserver\.config\.k8s\.io\/(v1|v1beta1)["']?\s*$/m.exec(text)?.[1];
  return parseConfig(text, source, {
    apiVersion: `${GROUP}/${version ?? "v1"}`,
    kind: "AuthenticationConfiguration",
    schema: AUTHENTICATION_SCHEMA,
    defaults: withDefaults,
    validate: (config) => authenticationCauses(config, disallowedIssuers),
  });
}

function withDefaults(config: JsonObject): AuthenticationConfiguration {
  const { jwt = [], anonymous } = config as unknown as Partial<AuthenticationConfiguration>;
  return {
    jwt: jwt.map((spec) => {
      const { issuer, claimMappings, ...others }: Partial<JwtAuthenticatorSpec> = spec;
      return {
        ...others,
        issuer: { ...issuer, url: issuer?.url ?? "" },
        claimMappings: { ...claimMappings, username: claimMappings?.username ?? {} },
      };
    }),
    ...(anonymous !== undefined && { anonymous: { ...anonymous, enabled: anonymous.enabled ?? false } }),
  };
}

export function authenticationCauses(
  { jwt, anonymous }: AuthenticationConfiguration,
  disallowedIssuers: readonly string[],
): readonly StatusCause[] {
  if (jwt.length > AUTHENTICATORS_MAX) return [field.tooMany("jwt", jwt.length, AUTHENTICATORS_MAX)];
  const issuers = new Set<string>();
  const discoveries = new Set<string>();
  const causes = jwt.flatMap((spec, i) => {
    const path = `jwt[${i}]`;
    const found = [...compileAuthenticator(spec, path, disallowedIssuers).causes];
    const { url, discoveryURL = "" } = spec.issuer;
    if (issuers.has(url)) found.push(field.duplicate(`${path}.issuer.url`, url));
    issuers.add(url);
    if (discoveryURL !== "" && discoveries.has(discoveryURL))
      found.push(field.duplicate(`${path}.issuer.discoveryURL`, discoveryURL));
    discoveries.add(discoveryURL);
    return found;
  });
  const { enabled = true, conditions = [] } = anonymous ?? {};
  if (enabled || conditions.length === 0) return causes;
  const why = "enabled should be set to true when conditions are defined";
  return [...causes, field.invalid("anonymous.conditions", conditions, why)];
}
