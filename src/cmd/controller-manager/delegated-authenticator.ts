/** Who asks a component that stands alone: client certificates by an authority it knows, tokens by asking the API server. @module */
import type { Clock } from "#apimachinery";
import {
  authenticatorChain,
  cachedTokens,
  clientCertificate,
  requestTokens,
  type Authenticator,
  type TokenAuthenticator,
} from "#apiserver";
import type { Transport } from "#client";

const REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews";
/** Upstream's `CacheTTL` of delegated authentication. */
const CACHE_TTL_MS = 10_000;

interface ReviewStatus {
  readonly authenticated?: boolean;
  readonly error?: string;
  readonly user?: {
    readonly username?: string;
    readonly uid?: string;
    readonly groups?: readonly string[];
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
}

/** `clientCa`: PEM, asked for at every request; absent, only tokens are known. */
export function delegatedAuthenticator(
  transport: Transport,
  clientCa: (() => string) | undefined,
  clock: Clock,
): Authenticator {
  const tokens = cachedTokens(reviewedTokens(transport), {
    clock,
    successTtlMs: CACHE_TTL_MS,
    failureTtlMs: CACHE_TTL_MS,
    cacheErrors: false,
  });
  const certificates = clientCa === undefined ? [] : [clientCertificate({ ca: clientCa, clock })];
  return authenticatorChain([...certificates, requestTokens(tokens, undefined)]);
}

function reviewedTokens(transport: Transport): TokenAuthenticator {
  return {
    async authenticateToken(token, signal, audiences = []) {
      const body = {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenReview",
        metadata: {},
        spec: { token, audiences },
      };
      const review = await transport.request({ method: "POST", path: REVIEWS, body }, signal);
      const {
        authenticated,
        error = "",
        user,
      } = (review.body as { readonly status?: ReviewStatus }).status ?? {};
      if (authenticated !== true) {
        if (error !== "") throw new Error(error);
        return undefined;
      }
      const { username = "", uid, groups = [], extra } = user ?? {};
      return {
        user: {
          name: username,
          groups,
          ...(uid !== undefined && { uid }),
          ...(extra !== undefined && { extra }),
        },
      };
    },
  };
}
