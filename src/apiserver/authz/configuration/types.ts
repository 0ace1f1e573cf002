/** `AuthorizationConfiguration` of apiserver.config.k8s.io: which authorizers are asked, in which order. @module */
import type { StructSchema } from "#apimachinery";
import { BOOL, listOf, STRING, struct } from "../../config-schema.ts";

export interface AuthorizationConfiguration {
  readonly authorizers: readonly AuthorizerSpec[];
}

export interface AuthorizerSpec {
  readonly type: string;
  readonly name: string;
  readonly webhook?: WebhookSpec;
}

/** Durations in Go's notation. */
export interface WebhookSpec {
  readonly authorizedTTL: string;
  readonly cacheAuthorizedRequests: boolean;
  readonly unauthorizedTTL: string;
  readonly cacheUnauthorizedRequests: boolean;
  readonly timeout: string;
  readonly subjectAccessReviewVersion: string;
  readonly matchConditionSubjectAccessReviewVersion: string;
  readonly failurePolicy: string;
  readonly connectionInfo: { readonly type: string; readonly kubeConfigFile?: string };
  readonly matchConditions: readonly { readonly expression?: string }[];
}

const WEBHOOK_SCHEMA: StructSchema = struct("WebhookConfiguration", {
  authorizedTTL: STRING,
  cacheAuthorizedRequests: BOOL,
  unauthorizedTTL: STRING,
  cacheUnauthorizedRequests: BOOL,
  timeout: STRING,
  subjectAccessReviewVersion: STRING,
  matchConditionSubjectAccessReviewVersion: STRING,
  failurePolicy: STRING,
  connectionInfo: struct("WebhookConnectionInfo", { type: STRING, kubeConfigFile: STRING }),
  matchConditions: listOf(struct("WebhookMatchCondition", { expression: STRING })),
});

export const AUTHORIZATION_SCHEMA: StructSchema = struct("AuthorizationConfiguration", {
  apiVersion: STRING,
  kind: STRING,
  authorizers: listOf(
    struct("AuthorizerConfiguration", { type: STRING, name: STRING, webhook: WEBHOOK_SCHEMA }),
  ),
});
