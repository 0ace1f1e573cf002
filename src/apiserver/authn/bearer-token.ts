/** Finds the bearer token of a request and has it checked; remembers the answer for a few seconds. @module */
import { hash } from "node:crypto";
import type { Clock } from "#apimachinery";
import type { Authenticator, Credentials, UserInfo } from "../user-info.ts";
import type { TokenAuthenticator } from "./token-authenticator.ts";
import { TtlCache } from "./ttl-cache.ts";
import { unauthorized } from "./unauthorized.ts";

export interface BearerTokenOptions {
  readonly clock: Clock;
  /** How long a token that was good stays so, also when it was revoked meanwhile. Default: 10 s, as upstream. */
  readonly cacheTtlMs?: number;
}

const CACHE_ENTRIES_MAX = 4_096;
/** Browsers cannot set headers on a WebSocket: the token travels as a subprotocol, in base64url. */
const WEBSOCKET_PROTOCOL_PREFIX = "base64url.bearer.authorization.k8s.io.";

/** A token that no authenticator knows is refused. */
export function bearerToken(
  authenticators: readonly TokenAuthenticator[],
  { clock, cacheTtlMs = 10_000 }: BearerTokenOptions,
): Authenticator {
  const cache = new TtlCache<UserInfo>(clock, CACHE_ENTRIES_MAX);
  return {
    async authenticate(credentials, signal) {
      const token = tokenOf(credentials);
      if (token === undefined) return undefined;
      // The token itself is not kept in memory longer than needed.
      const key = hash("sha256", token, "base64");
      const known = cache.get(key);
      if (known !== undefined) return known;
      const user = await firstUser(authenticators, token, signal);
      cache.set(key, user, cacheTtlMs);
      return user;
    },
  };
}

async function firstUser(
  authenticators: readonly TokenAuthenticator[],
  token: string,
  signal: AbortSignal,
): Promise<UserInfo> {
  let cause: unknown;
  for (const authenticator of authenticators)
    try {
      const user = await authenticator.authenticateToken(token, signal);
      if (user !== undefined) return user;
    } catch (error) {
      cause = error;
    }
  throw unauthorized(cause);
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
