/** Public surface of the API server. @module */
export { createApiServer } from "./api-server.ts";
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
export { newSecurity, type Security, type SecurityOptions } from "./security.ts";
