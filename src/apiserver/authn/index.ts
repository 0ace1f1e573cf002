/** Public surface of authentication: who is asking. @module */
export { bearerToken, requestTokens, TOKEN_SUCCESS_TTL_MS, type BearerTokenOptions } from "./bearer-token.ts";
export { bootstrapTokens } from "./bootstrap-token.ts";
export { authenticatorChain } from "./chain.ts";
export { clientCertificate, type ClientCertificateOptions } from "./client-certificate.ts";
export { STANDARD_HEADERS, type RequestHeaderOptions } from "./front-proxy-options.ts";
export { frontProxy } from "./front-proxy.ts";
export { impersonate } from "./impersonation/impersonation.ts";
export { isImpersonating } from "./impersonation/wanted-user.ts";
export { boundTokenValidator, type BoundObjectLookup } from "./service-account/bound-tokens.ts";
export { openIdRoute } from "./service-account/discovery-route.ts";
export {
  LAST_USED_LABEL,
  LEGACY_ISSUER,
  legacyTokenValidator,
  signLegacyToken,
} from "./service-account/legacy-tokens.ts";
export {
  arrangeKeys,
  generateSigningKey,
  loadSigningKeys,
  type SigningKey,
} from "./service-account/signing-key.ts";
export { issuedTokens } from "./service-account/token-authenticator.ts";
export { serviceAccountTokenIssuer, type TokenIssuerOptions } from "./service-account/token-issuer.ts";
export { audienceAgnostic, tokenUnion } from "./token-authenticator.ts";
export type { TokenAnswer, TokenAuthenticator } from "./token-authenticator.ts";
export { cachedTokens } from "./token-cache.ts";
export { parseTokenFile, staticTokens } from "./token-file.ts";
export { unauthorized } from "./unauthorized.ts";
export { ConfiguredAuthentication } from "./configuration/configured-authentication.ts";
export { authenticationCauses, loadAuthenticationConfiguration } from "./configuration/load.ts";
export type { AuthenticationConfiguration, JwtAuthenticatorSpec } from "./configuration/types.ts";
export { SIGNING_ALGORITHMS } from "./oidc/jwt-authenticator.ts";
export { tokenWebhook } from "./webhook/token-webhook.ts";
