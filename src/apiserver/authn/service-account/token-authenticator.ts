/** Checks ServiceAccount tokens: signature, issuer, audience, time, and that what they are bound to still exists. @module */
import type { JWTVerifyGetKey } from "jose";
import type { Clock, KubeObject } from "#apimachinery";
import type { UserInfo } from "../../user-info.ts";
import type { TokenAuthenticator } from "../token-authenticator.ts";
import { unauthorized } from "../unauthorized.ts";
import { readPrivateClaims, type PrivateClaims } from "./claims.ts";
import { loadJose } from "./jose.ts";
import type { SigningKey } from "./signing-key.ts";

/** Looks objects up by namespace and name; from a cache, or with a read when that might be behind. */
export interface BoundObjectLookup {
  serviceAccount(namespace: string, name: string): Found | Promise<Found>;
  pod(namespace: string, name: string): Found | Promise<Found>;
  secret(namespace: string, name: string): Found | Promise<Found>;
  node(name: string): Found | Promise<Found>;
}

type Found = Pick<KubeObject, "metadata"> | undefined;

export interface ServiceAccountTokenOptions {
  readonly keys: readonly SigningKey[];
  /** The first is the one new tokens carry. */
  readonly issuers: readonly string[];
  /** Default: the first issuer. */
  readonly apiAudiences?: readonly string[];
  readonly lookup: BoundObjectLookup;
  readonly clock: Clock;
}

/** An object whose deletion began so long ago no longer counts, even while finalizers keep it. */
const DELETION_LEEWAY_MS = 60_000;
const EXTRA = "authentication.kubernetes.io/";

export function serviceAccountTokens(options: ServiceAccountTokenOptions): TokenAuthenticator {
  const { keys, issuers, clock } = options;
  const apiAudiences = options.apiAudiences ?? issuers.slice(0, 1);
  const byId = new Map(keys.map((key) => [key.kid, key]));
  return {
    async authenticateToken(token, _signal, audiences = apiAudiences) {
      const { decodeJwt, errors, jwtVerify } = await loadJose();
      if (!isIssuedBy(token, issuers, decodeJwt)) return undefined;
      const getKey: JWTVerifyGetKey = ({ kid }) => {
        const key = byId.get(kid ?? "");
        if (key === undefined) throw new errors.JWKSNoMatchingKey();
        return key.publicKey;
      };
      try {
        const { payload } = await jwtVerify(token, getKey, {
          algorithms: [...new Set(keys.map(({ alg }) => alg))],
          issuer: [...issuers],
          audience: [...audiences],
          requiredClaims: ["exp", "sub", "aud"],
          currentDate: new Date(clock.now()),
        });
        const claims = readPrivateClaims(payload);
        if (claims === undefined) throw unauthorized(new Error("the token does not name a service account"));
        const problem = await problemOf(claims, options);
        if (problem !== undefined) throw unauthorized(new Error(problem));
        return userOf(claims, payload.jti);
      } catch (cause) {
        if (cause instanceof errors.JOSEError) throw unauthorized(cause);
        throw cause;
      }
    },
  };
}

/** Tokens of other issuers are for other authenticators. Nothing is believed yet. */
function isIssuedBy(
  token: string,
  issuers: readonly string[],
  decodeJwt: (token: string) => { readonly iss?: string },
): boolean {
  try {
    return issuers.includes(decodeJwt(token).iss ?? "");
  } catch {
    return false;
  }
}

/** Why what the token is bound to no longer stands behind it. */
async function problemOf(
  { namespace, serviceaccount, pod, secret, node }: PrivateClaims,
  { lookup, clock }: ServiceAccountTokenOptions,
): Promise<string | undefined> {
  const bound: [
    string,
    { name: string; uid?: string } | undefined,
    (name: string) => Found | Promise<Found>,
  ][] = [
    ["service account", serviceaccount, (name) => lookup.serviceAccount(namespace, name)],
    ["secret", secret, (name) => lookup.secret(namespace, name)],
    ["pod", pod, (name) => lookup.pod(namespace, name)],
    // The node of a pod's token is information; only a token bound to the node itself ends with it.
    ["node", pod === undefined ? node : undefined, (name) => lookup.node(name)],
  ];
  for (const [kind, ref, find] of bound) {
    if (ref === undefined) continue;
    const metadata = (await find(ref.name))?.metadata;
    if (metadata === undefined) return `${kind} ${ref.name} does not exist`;
    if (metadata.uid !== ref.uid) return `${kind} ${ref.name} is another one than the token was issued for`;
    const { deletionTimestamp: deleted } = metadata;
    if (deleted !== undefined && Date.parse(deleted) + DELETION_LEEWAY_MS < clock.now())
      return `${kind} ${ref.name} has been deleted`;
  }
  return undefined;
}

function userOf({ namespace, serviceaccount, pod, node }: PrivateClaims, jti: string | undefined): UserInfo {
  const extra = Object.entries({
    "credential-id": jti && `JTI=${jti}`,
    "node-name": node?.name,
    "node-uid": node?.uid,
    "pod-name": pod?.name,
    "pod-uid": pod?.uid,
  }).flatMap(([name, value]) => (value === undefined ? [] : [[EXTRA + name, [value]] as const]));
  return {
    name: `system:serviceaccount:${namespace}:${serviceaccount.name}`,
    ...(serviceaccount.uid !== undefined && { uid: serviceaccount.uid }),
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
    extra: Object.fromEntries(extra),
  };
}
