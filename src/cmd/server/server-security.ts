/** Authentication and authorization of `k8ts server`, as the flags have them. @module */
import type { Clock, Logger } from "#apimachinery";
import { urlHost } from "#api/validation/ip-range";
import { LateMetrics, newSecurity, type ApiServerOptions, type Security, type TokenClient } from "#apiserver";
import type { TaskGroup } from "#component-base";
import { authenticationOptions, type AuthenticationFlags } from "./authentication-flags.ts";
import { authorizationOptions, type AuthorizationFlags } from "./authorization-flags.ts";

export interface SecurityFlags extends AuthenticationFlags, AuthorizationFlags {
  readonly advertiseAddress: string;
  readonly securePort: number;
}

export interface ServerSecurity extends AsyncDisposable {
  /** For `createApiServer`. */
  readonly options: Pick<ApiServerOptions, "tokenIssuer" | "tokens" | "authorization"> & {
    readonly authenticator: Security["authenticator"];
    readonly routes: Security["routes"];
  };
  readonly signLegacyToken: Security["signLegacyToken"];
  readonly attach: (client: TokenClient) => void;
  /** Follows the configuration files. */
  readonly start: (tasks: TaskGroup) => void;
}

/** `pem`: the clients' authority as it is at the moment, and the cluster's own signing keys. */
export async function openServerSecurity(
  flags: SecurityFlags,
  pem: { readonly clientCa: () => string; readonly signingKeys: string },
  world: { readonly clock: Clock; readonly random: () => number; readonly logger: Logger },
): Promise<ServerSecurity> {
  const metrics = new LateMetrics();
  const authentication = await authenticationOptions(flags, pem.signingKeys, { ...world, metrics });
  const { authorization, run } = await authorizationOptions(flags, { ...world, metrics });
  const security = newSecurity({
    clock: world.clock,
    clientCa: pem.clientCa,
    ...authentication.security,
    jwksUri: `https://${urlHost(flags.advertiseAddress)}:${flags.securePort}/openid/v1/jwks`,
  });
  const { authenticator, tokens, apiAudiences, tokenIssuer, routes, signLegacyToken } = security;
  const { allowsAnonymous } = authentication;
  const options = {
    authenticator,
    tokens,
    apiAudiences,
    tokenIssuer,
    routes,
    allowsAnonymous,
    authorization,
    securityMetrics: metrics,
  };
  return {
    options,
    signLegacyToken,
    attach: (client) => security.attach(client),
    start(tasks) {
      tasks.start("authentication-config", authentication.run);
      tasks.start("authorization-config", run);
    },
    [Symbol.asyncDispose]: () => authorization[Symbol.asyncDispose](),
  };
}
