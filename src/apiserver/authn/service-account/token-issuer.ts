/** Issues ServiceAccount tokens for TokenRequests. @module */
import { randomUUID } from "node:crypto";
import type { Clock } from "#apimachinery";
import type { TokenIssuer } from "../../registry/token-issuer.ts";
import { planClaims } from "./claims.ts";
import { loadJose } from "./jose.ts";
import type { SigningKey } from "./signing-key.ts";

export interface TokenIssuerOptions {
  /** The first with a private key signs. */
  readonly keys: readonly SigningKey[];
  readonly issuer: string;
  /** What the API server itself answers to. Default: the issuer. */
  readonly apiAudiences?: readonly string[];
  readonly clock: Clock;
  /** Default: random UUIDs. */
  readonly newId?: () => string;
  /** See `ClaimContext.extendExpiration`. Default: true, as upstream. */
  readonly extendExpiration?: boolean;
  /** Default: no limit. */
  readonly maxExpirationSeconds?: number;
}

export function serviceAccountTokenIssuer(options: TokenIssuerOptions): TokenIssuer {
  const { issuer, clock, newId = randomUUID, extendExpiration = true } = options;
  const apiAudiences = options.apiAudiences ?? [issuer];
  const key = options.keys.find(({ privateKey }) => privateKey !== undefined);
  if (key?.privateKey === undefined) throw new Error("no private key to sign ServiceAccount tokens with");
  const { privateKey, kid, alg } = key;
  return {
    defaultAudiences: apiAudiences,
    ...(options.maxExpirationSeconds !== undefined && {
      maxExpirationSeconds: options.maxExpirationSeconds,
    }),
    async issue(request) {
      const nowSeconds = Math.floor(clock.now() / 1_000);
      const context = { issuer, nowSeconds, jti: newId(), extendExpiration, apiAudiences };
      const { claims, expiresAtSeconds } = planClaims(request, context);
      const { SignJWT } = await loadJose();
      const token = await new SignJWT({ ...claims, aud: [...claims.aud] })
        .setProtectedHeader({ alg, kid })
        .sign(privateKey);
      return { token, expiresAt: expiresAtSeconds * 1_000, credentialId: `JTI=${claims.jti}` };
    },
  };
}
