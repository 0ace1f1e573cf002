/** Remembers what a token authenticator answered; upstream's `authentication/token/cache`. @module */
import { createHmac, randomBytes } from "node:crypto";
import type { Clock } from "#apimachinery";
import { TtlCache } from "#component-base";
import type { TokenAnswer, TokenAuthenticator } from "./token-authenticator.ts";

export interface TokenCacheOptions {
  readonly clock: Clock;
  /** How long a token that was good stays so, also when it was revoked meanwhile. 0: not at all. */
  readonly successTtlMs: number;
  /** How long a token that nobody knew stays unknown. 0: not at all. */
  readonly failureTtlMs: number;
  /** Whether errors count as failures, or are asked again each time. */
  readonly cacheErrors: boolean;
}

/** Upstream's: twice 5,000 nodes and 10,000 namespaces. */
const ENTRIES_MAX = 32_768;
/** A shared look-up does not end with the request that began it, but it ends. */
const SHARED_LOOKUP_MS = 30_000;

type Record = { readonly answer: TokenAnswer | undefined; readonly error?: unknown };

/**
 * Tokens are keyed by an HMAC with a random key, so that neither they nor a hash that could be computed beforehand is kept.
 * Many requests with one unknown token share one look-up.
 */
export function cachedTokens(tokens: TokenAuthenticator, options: TokenCacheOptions): TokenAuthenticator {
  const { clock, successTtlMs, failureTtlMs, cacheErrors } = options;
  const salt = randomBytes(32);
  const cache = new TtlCache<Record>(() => clock.now(), ENTRIES_MAX);
  const running = new Map<string, Promise<Record>>();

  const lookUp = async (key: string, token: string, audiences?: readonly string[]): Promise<Record> => {
    const limit = new AbortController();
    const timer = clock.after(SHARED_LOOKUP_MS, () => limit.abort(new Error("context deadline exceeded")));
    let record: Record;
    try {
      record = { answer: await tokens.authenticateToken(token, limit.signal, audiences) };
    } catch (error) {
      record = { answer: undefined, error };
    } finally {
      timer.cancel();
      running.delete(key);
    }
    const ttlMs = record.answer === undefined ? failureTtlMs : successTtlMs;
    if (ttlMs > 0 && (record.error === undefined || cacheErrors)) cache.set(key, record, ttlMs);
    return record;
  };

  return {
    async authenticateToken(token, signal, audiences) {
      const key = keyOf(salt, token, audiences);
      let record = cache.get(key);
      if (record === undefined) {
        let shared = running.get(key);
        if (shared === undefined) running.set(key, (shared = lookUp(key, token, audiences)));
        record = await shared;
        signal.throwIfAborted();
      }
      if (record.error !== undefined) throw record.error;
      return record.answer;
    },
  };
}

/** Lengths stand before the parts, so that no two of them run into each other. */
function keyOf(salt: Uint8Array, token: string, audiences: readonly string[] = []): string {
  const hmac = createHmac("sha256", salt).update(`${token.length}:`).update(token);
  for (const audience of audiences) hmac.update(`,${audience.length}:`).update(audience);
  return hmac.digest("base64");
}
