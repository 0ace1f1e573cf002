/** Public surface of the API server. @module */
export { createApiServer } from "./api-server.ts";
export { openAdmissionOptions } from "./admission/configuration/admission-options.ts";
export {
  auditLogDefaults,
  auditTruncateDefaults,
  auditWebhookDefaults,
  parseAuditPolicy,
  validateAuditOptions,
  type AuditBatchOptions,
  type AuditLogOptions,
  type AuditMode,
  type AuditOptions,
  type AuditTruncateOptions,
  type AuditWebhookOptions,
} from "./audit/index.ts";
export { STANDARD_HEADERS, type RequestHeaderOptions } from "./authn/index.ts";
export type { InProcessBackend } from "./aggregation/index.ts";
export type { ApiRequest, Result, UpgradeConnection } from "./handlers/request.ts";
export type { Route } from "./http/route.ts";
export type { ApiServer, ApiServerOptions, Limits, ListenAddress } from "./options.ts";
export { defaultLimits } from "./options.ts";
export type { IssuedToken, TokenIssuer, TokenRequestInfo } from "./registry/token-issuer.ts";
export {
  anonymousUser,
  loopbackUser,
  type AuthorizationAttributes,
  type Authenticator,
  type Authorizer,
  type Credentials,
  type Decision,
  type UserInfo,
} from "./user-info.ts";
export { newSecurity, type Security, type SecurityOptions, type TokenClient } from "./security.ts";
export {
  authenticationCauses,
  authenticatorChain,
  clientCertificate,
  requestTokens,
  ConfiguredAuthentication,
  loadAuthenticationConfiguration,
  SIGNING_ALGORITHMS,
  tokenWebhook,
  cachedTokens,
  type AuthenticationConfiguration,
  type TokenAuthenticator,
} from "./authn/index.ts";
export {
  loadAuthorizationConfiguration,
  openAuthorization,
  type AuthorizationConfiguration,
  type AuthorizationModes,
  type RbacObject,
  type WebhookSpec,
} from "./authz/index.ts";
export { clientCertificateOf } from "./http/client-certificate.ts";
export { openReviewWebhook } from "./review-webhook.ts";
export { LateMetrics } from "./security-metrics.ts";
