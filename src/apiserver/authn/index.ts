/** Public surface of authentication: who is asking. @module */
export { bearerToken, type BearerTokenOptions } from "./bearer-token.ts";
export { bootstrapTokens } from "./bootstrap-token.ts";
export { authenticatorChain } from "./chain.ts";
export { clientCertificate, type ClientCertificateOptions } from "./client-certificate.ts";
export { impersonate } from "./impersonation.ts";
export { openIdRoute } from "./service-account/discovery-route.ts";
export { generateSigningKey, loadSigningKeys, type SigningKey } from "./service-account/signing-key.ts";
export { serviceAccountTokenIssuer, type TokenIssuerOptions } from "./service-account/token-issuer.ts";
export {
  serviceAccountTokens,
  type BoundObjectLookup,
  type ServiceAccountTokenOptions,
} from "./service-account/token-authenticator.ts";
export { parseTokenFile, staticTokens } from "./token-file.ts";
export type { TokenAuthenticator } from "./token-authenticator.ts";
export { unauthorized } from "./unauthorized.ts";
