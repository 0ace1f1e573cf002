/** Finds the bearer token of a request and has it checked. @module */
import type { Clock } from "#apimachinery";
import type { Authenticator, Credentials } from "../user-info.ts";
import { tokenUnion, type TokenAuthenticator } from "./token-authenticator.ts";
import { cachedTokens } from "./token-cache.ts";
import { unauthorized } from "./unauthorized.ts";

export interface BearerTokenOptions {
  readonly clock: Clock;
  /** How long a token that was good stays so, also when it was revoked meanwhile. Default: 10 s, as upstream. */
  readonly cacheTtlMs?: number;
  /** Those that a token of a request must have one of. Default: every token will do. */
  readonly apiAudiences?: readonly string[];
}

/** Browsers cannot set headers on a WebSocket: the token travels as a subprotocol, in base64url. */
const WEBSOCKET_PROTOCOL_PREFIX = "base64url.bearer.authorization.k8s.io.";
export const TOKEN_SUCCESS_TTL_MS = 10_000;

/** A token that no authenticator knows is refused. */
export function bearerToken(
  authenticators: readonly TokenAuthenticator[],
  { clock, cacheTtlMs = TOKEN_SUCCESS_TTL_MS, apiAudiences }: BearerTokenOptions,
): Authenticator {
  const options = { clock, successTtlMs: cacheTtlMs, failureTtlMs: 0, cacheErrors: true };
  return requestTokens(cachedTokens(tokenUnion(authenticators), options), apiAudiences);
}

/** As `bearerToken`, of tokens that are remembered already or must not be. */
export function requestTokens(
  tokens: TokenAuthenticator,
  apiAudiences: readonly string[] | undefined,
): Authenticator {
  return {
    async authenticate(credentials, signal, notes) {
      const token = tokenOf(credentials);
      if (token === undefined) return undefined;
      const answer = await tokens.authenticateToken(token, signal, apiAudiences).catch((cause: unknown) => {
        signal.throwIfAborted();
        throw unauthorized(cause);
      });
      if (answer === undefined) throw unauthorized(new Error("invalid bearer token"));
      for (const warning of answer.warnings ?? []) notes?.warn(warning);
      for (const [key, value] of Object.entries(answer.annotations ?? {})) notes?.annotate(key, value);
      return answer.user;
    },
  };
}

function tokenOf({ headers }: Credentials): string | undefined {
  const { authorization } = headers;
  if (typeof authorization === "string") {
    const token = /^bearer +(\S+)\s*$/i.exec(authorization)?.[1];
    if (token !== undefined) return token;
  }
  const protocols = headers["sec-websocket-protocol"];
  const list = typeof protocols === "string" ? protocols : (protocols?.join(",") ?? "");
  const encoded = list
    .split(",")
    .map((protocol) => protocol.trim())
    .find((protocol) => protocol.startsWith(WEBSOCKET_PROTOCOL_PREFIX));
  return encoded && Buffer.from(encoded.slice(WEBSOCKET_PROTOCOL_PREFIX.length), "base64url").toString();
}
