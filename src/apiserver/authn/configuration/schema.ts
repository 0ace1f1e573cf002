/** Which fields an AuthenticationConfiguration has. @module */
import type { StructSchema } from "#apimachinery";
import { BOOL, listOf, STRING, struct } from "../../config-schema.ts";

const PREFIXED: StructSchema = struct("PrefixedClaimOrExpression", {
  claim: STRING,
  prefix: STRING,
  expression: STRING,
});

const JWT: StructSchema = struct("JWTAuthenticator", {
  issuer: struct("Issuer", {
    url: STRING,
    discoveryURL: STRING,
    certificateAuthority: STRING,
    audiences: listOf(STRING),
    audienceMatchPolicy: STRING,
    egressSelectorType: STRING,
  }),
  claimValidationRules: listOf(
    struct("ClaimValidationRule", {
      claim: STRING,
      requiredValue: STRING,
      expression: STRING,
      message: STRING,
    }),
  ),
  claimMappings: struct("ClaimMappings", {
    username: PREFIXED,
    groups: PREFIXED,
    uid: struct("ClaimOrExpression", { claim: STRING, expression: STRING }),
    extra: listOf(struct("ExtraMapping", { key: STRING, valueExpression: STRING })),
  }),
  userValidationRules: listOf(struct("UserValidationRule", { expression: STRING, message: STRING })),
});

export const AUTHENTICATION_SCHEMA: StructSchema = struct("AuthenticationConfiguration", {
  apiVersion: STRING,
  kind: STRING,
  jwt: listOf(JWT),
  anonymous: struct("AnonymousAuthConfig", {
    enabled: BOOL,
    conditions: listOf(struct("AnonymousAuthCondition", { path: STRING })),
  }),
});
