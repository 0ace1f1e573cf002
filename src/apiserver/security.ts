/** The usual authentication of a cluster, put together: certificates and tokens say who asks. @module */
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { Secrets } from "#api/core/v1/secret";
import type { Secret, ServiceAccount } from "#api/core/v1/types.gen";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import {
  isNotFound,
  silentLogger,
  unless,
  type Clock,
  type Kind,
  type KubeObject,
  type Logger,
} from "#apimachinery";
import type { Client, ObjectRef } from "#client";
import {
  arrangeKeys,
  audienceAgnostic,
  authenticatorChain,
  bootstrapTokens,
  boundTokenValidator,
  cachedTokens,
  clientCertificate,
  issuedTokens,
  LAST_USED_LABEL,
  LEGACY_ISSUER,
  legacyTokenValidator,
  openIdRoute,
  parseTokenFile,
  requestTokens,
  serviceAccountTokenIssuer,
  signLegacyToken,
  staticTokens,
  TOKEN_SUCCESS_TTL_MS,
  tokenUnion,
  type SigningKey,
  type TokenAuthenticator,
} from "./authn/index.ts";
import type { Route } from "./http/route.ts";
import type { TokenIssuer } from "./registry/token-issuer.ts";
import type { SecurityMetrics } from "./security-metrics.ts";
import type { Authenticator } from "./user-info.ts";

export interface SecurityOptions {
  readonly clock: Clock;
  readonly logger?: Logger;
  readonly metrics?: SecurityMetrics;
  /** PEM: who signs client certificates. A function is asked at every request. */
  readonly clientCa: string | (() => string);
  /** PEM of keys that check ServiceAccount tokens; the first private one signs, if `serviceAccountSigningKey` is absent. */
  readonly serviceAccountKeys: string;
  /** PEM of the private key that signs; its tokens are good, too. */
  readonly serviceAccountSigningKey?: string;
  /** `iss` of ServiceAccount tokens. */
  readonly issuer: string;
  /** Issuers of older tokens that are still good. */
  readonly acceptedIssuers?: readonly string[];
  /** What this server answers to. Default: the issuer. */
  readonly apiAudiences?: readonly string[];
  /** Default: no limit. */
  readonly maxTokenExpirationSeconds?: number;
  /** See `ClaimContext.extendExpiration`. Default: true. */
  readonly extendTokenExpiration?: boolean;
  /** Where others fetch the keys of tokens. Default: below the issuer. */
  readonly jwksUri?: string;
  /** Lines of `token,user,uid,"group1,group2"`. */
  readonly tokenAuthFile?: string;
  /** Whether Secrets of type bootstrap.kubernetes.io/token in kube-system are tokens. Default false, as upstream. */
  readonly enableBootstrapTokens?: boolean;
  /** Tokens of issuers elsewhere. */
  readonly jwt?: TokenAuthenticator;
  /** A webhook that knows tokens; it is asked last. */
  readonly tokenWebhook?: TokenAuthenticator;
}

export interface Security {
  readonly authenticator: Authenticator;
  /** Answers TokenReviews. */
  readonly tokens: TokenAuthenticator;
  readonly apiAudiences: readonly string[];
  readonly tokenIssuer: TokenIssuer;
  /** The OpenID documents of the issuer. */
  readonly routes: readonly Route[];
  /** Makes the tokens that stand in Secrets, for the tokens controller. */
  readonly signLegacyToken: (account: ServiceAccount, secret: Secret) => Promise<string>;
  /**
   * Gives that with which the objects that tokens are bound to are looked up, and legacy tokens marked as used. Until then
   * tokens are refused.
   */
  attach(client: TokenClient): void;
}

export type TokenClient = Pick<Client, "get" | "patch">;

/** The client that comes later, and what is asked of it. */
class LateClient {
  client: TokenClient | undefined;

  async find<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T | undefined> {
    if (this.client === undefined) return undefined;
    return unless(isNotFound, this.client.get(kind, ref, new AbortController().signal));
  }
}

export function newSecurity(options: SecurityOptions): Security {
  const { clock, issuer, apiAudiences = [issuer] } = options;
  const keys = arrangeKeys(options.serviceAccountKeys, options.serviceAccountSigningKey);
  const late = new LateClient();
  const tokens = cachedTokens(tokenUnion(tokenAuthenticators(options, keys, apiAudiences, late)), {
    clock,
    successTtlMs: TOKEN_SUCCESS_TTL_MS,
    failureTtlMs: 0,
    cacheErrors: true,
  });
  const signer = keys.find(({ privateKey }) => privateKey !== undefined);
  return {
    authenticator: authenticatorChain([
      clientCertificate({
        ca: options.clientCa,
        clock,
        ...(options.metrics !== undefined && { metrics: options.metrics }),
      }),
      requestTokens(tokens, apiAudiences),
    ]),
    tokens,
    apiAudiences,
    tokenIssuer: serviceAccountTokenIssuer({
      keys,
      issuer,
      clock,
      apiAudiences,
      ...(options.maxTokenExpirationSeconds !== undefined && {
        maxExpirationSeconds: options.maxTokenExpirationSeconds,
      }),
      ...(options.extendTokenExpiration !== undefined && {
        extendExpiration: options.extendTokenExpiration,
      }),
    }),
    routes: [openIdRoute({ issuer, keys, jwksUri: options.jwksUri })],
    signLegacyToken: async (account, secret) => signLegacyToken(signer!, account, secret),
    attach(client) {
      late.client = client;
    },
  };
}

/** In upstream's order. */
function tokenAuthenticators(
  options: SecurityOptions,
  keys: readonly SigningKey[],
  apiAudiences: readonly string[],
  late: LateClient,
): readonly TokenAuthenticator[] {
  const { clock, metrics, issuer, acceptedIssuers = [], tokenAuthFile, jwt, tokenWebhook } = options;
  const agnostic = (authenticator: TokenAuthenticator): TokenAuthenticator =>
    audienceAgnostic(authenticator, apiAudiences);
  const bound = boundTokenValidator({
    clock,
    lookup: {
      serviceAccount: (namespace, name) => late.find(ServiceAccounts, { namespace, name }),
      pod: (namespace, name) => late.find(Pods, { namespace, name }),
      secret: (namespace, name) => late.find(Secrets, { namespace, name }),
      node: (name) => late.find(Nodes, { name }),
    },
    onExtended: (isStale) => metrics?.inc(`serviceaccount_${isStale ? "stale" : "valid"}_tokens_total`),
  });
  const bootstrap = bootstrapTokens((name) => late.find(Secrets, { namespace: "kube-system", name }), clock);
  return [
    ...(tokenAuthFile === undefined ? [] : [agnostic(staticTokens(parseTokenFile(tokenAuthFile)))]),
    issuedTokens({ keys, issuers: [LEGACY_ISSUER], apiAudiences, validate: legacyValidator(options, late) }),
    issuedTokens({ keys, issuers: [issuer, ...acceptedIssuers], apiAudiences, validate: bound }),
    ...(options.enableBootstrapTokens === true ? [agnostic(bootstrap)] : []),
    ...(jwt === undefined ? [] : [agnostic(jwt)]),
    ...(tokenWebhook === undefined ? [] : [tokenWebhook]),
  ];
}

const USE_METRICS = {
  "auto-generated": "serviceaccount_legacy_auto_token_uses_total",
  "manually-created": "serviceaccount_legacy_manual_token_uses_total",
  invalidated: "serviceaccount_invalid_legacy_auto_token_uses_total",
} as const;

function legacyValidator(
  { clock, metrics, logger = silentLogger }: SecurityOptions,
  late: LateClient,
): ReturnType<typeof legacyTokenValidator> {
  return legacyTokenValidator({
    clock,
    secret: (namespace, name) => late.find(Secrets, { namespace, name }),
    serviceAccount: (namespace, name) => late.find(ServiceAccounts, { namespace, name }),
    onUse: (use) => metrics?.inc(USE_METRICS[use]),
    async markUsed({ metadata: { name, namespace = "", uid = "" } }, date) {
      const body = { metadata: { uid, labels: { [LAST_USED_LABEL]: date } } };
      try {
        const ref = { namespace, name };
        const { signal } = new AbortController();
        await late.client?.patch(Secrets, ref, { type: "merge", body }, signal);
      } catch (err) {
        logger.error("Failed to label legacy service account token with last-used date", {
          namespace,
          name,
          err,
        });
      }
    },
  });
}
