/** Users by tokens of an issuer elsewhere; upstream's `plugin/pkg/authenticator/token/oidc`. @module */
import type { Clock, Logger } from "#apimachinery";
import type { JwtAuthenticatorSpec } from "../configuration/types.ts";
import type { TokenAuthenticator } from "../token-authenticator.ts";
import { mapClaims, type CompiledMapping } from "./claim-mapping.ts";
import { DistributedClaims } from "./distributed-claims.ts";
import type { HttpsGet } from "./https-get.ts";
import { Provider } from "./provider.ts";
import { untrustedIssuer, verifyIdToken } from "./verify-id-token.ts";

/** Those that a configuration file accepts; the flags accept RS256 when they name none. */
export const SIGNING_ALGORITHMS: readonly string[] = [
  "ES256",
  "ES384",
  "ES512",
  "PS256",
  "PS384",
  "PS512",
  "RS256",
  "RS384",
  "RS512",
];

export interface JwtAuthenticatorOptions {
  readonly spec: JwtAuthenticatorSpec;
  readonly compiled: CompiledMapping;
  readonly algorithms: readonly string[];
  readonly get: HttpsGet;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFetch?: (isGood: boolean) => void;
}

export interface JwtAuthenticator extends TokenAuthenticator {
  /** Why its tokens cannot be checked yet; undefined: they can. */
  readonly problem: string | undefined;
  /** Until the issuer was found. */
  readonly ready: Promise<void>;
}

/** Looks for the issuer in the background until `closing` aborts. */
export function jwtAuthenticator(options: JwtAuthenticatorOptions, closing: AbortSignal): JwtAuthenticator {
  const { spec, compiled, algorithms, get, clock, logger, onFetch } = options;
  const { url: issuer, discoveryURL, audiences = [] } = spec.issuer;
  const provider = new Provider({
    issuer,
    discoveryUrl: discoveryURL === "" ? undefined : discoveryURL,
    get,
    clock,
    logger,
    ...(onFetch !== undefined && { onFetch }),
  });
  const { claim = "" } = spec.claimMappings.groups ?? {};
  const distributed =
    claim === ""
      ? undefined
      : new DistributedClaims({ claim, get, clock, logger, closing, algorithms, audiences });
  return {
    ready: provider.run(closing),
    get problem() {
      const { problem } = provider;
      return problem && `oidc: authenticator for issuer ${JSON.stringify(issuer)} is not healthy: ${problem}`;
    },
    async authenticateToken(token, signal) {
      if (untrustedIssuer(token) !== issuer) return undefined;
      if (provider.problem !== undefined) throw new Error("oidc: authenticator not initialized");
      const verifying = { issuer, provider, audiences, algorithms, clock };
      const claims = await verifyIdToken(token, verifying, signal).catch((cause: Error) => {
        throw new Error(`oidc: verify token: ${cause.message}`, { cause });
      });
      const all = await distributed?.expand(claims, signal).catch((cause: Error) => {
        throw new Error(`oidc: could not expand distributed claims: ${cause.message}`, { cause });
      });
      return { user: mapClaims(all ?? claims, spec, compiled) };
    },
  };
}
