/** What stands in a ServiceAccount token, in upstream's layout. Pure. @module */
import { isJsonObject } from "#apimachinery";
import type { TokenRequestInfo } from "../../registry/token-issuer.ts";

interface Ref {
  readonly name: string;
  readonly uid?: string;
}

export interface PrivateClaims {
  readonly namespace: string;
  readonly serviceaccount: Ref;
  readonly pod?: Ref;
  readonly secret?: Ref;
  readonly node?: Ref;
  /** Seconds since 1970: a token used after this is stale and only still good to spare old clients. */
  readonly warnafter?: number;
}

export interface Claims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: readonly string[];
  readonly iat: number;
  readonly nbf: number;
  readonly exp: number;
  readonly jti: string;
  readonly "kubernetes.io": PrivateClaims;
}

/** The lifetime kubelet asks for; with it, old clients that never re-read their token are spared. */
const WARN_ONLY_SECONDS = 3_607;
const EXTENDED_SECONDS = 365 * 24 * 3_600;

export interface ClaimContext {
  readonly issuer: string;
  readonly nowSeconds: number;
  readonly jti: string;
  /** Lengthens tokens of pods for the API server itself to a year, with a warning after what was asked for. */
  readonly extendExpiration: boolean;
  readonly apiAudiences: readonly string[];
}

/** The claims, and when their holder should ask for new ones. */
export function planClaims(
  request: TokenRequestInfo,
  { issuer, nowSeconds, jti, extendExpiration, apiAudiences }: ClaimContext,
): { readonly claims: Claims; readonly expiresAtSeconds: number } {
  const { namespace, serviceAccount, audiences, expirationSeconds, boundObject, node } = request;
  const expiresAtSeconds = nowSeconds + expirationSeconds;
  const isExtended =
    extendExpiration &&
    expirationSeconds === WARN_ONLY_SECONDS &&
    boundObject?.kind === "Pod" &&
    audiences.every((audience) => apiAudiences.includes(audience));
  const bound = boundObject && { name: boundObject.name, uid: boundObject.uid };
  const kind = boundObject?.kind;
  const claims: Claims = {
    aud: audiences,
    exp: isExtended ? nowSeconds + EXTENDED_SECONDS : expiresAtSeconds,
    iat: nowSeconds,
    iss: issuer,
    jti,
    "kubernetes.io": {
      namespace,
      ...(kind === "Node" && bound && { node: bound }),
      ...(kind === "Pod" && node && { node }),
      ...(kind === "Pod" && bound && { pod: bound }),
      ...(kind === "Secret" && bound && { secret: bound }),
      serviceaccount: { name: serviceAccount.name, uid: serviceAccount.uid },
      ...(isExtended && { warnafter: expiresAtSeconds }),
    },
    nbf: nowSeconds,
    sub: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
  };
  return { claims, expiresAtSeconds };
}

/** Checks the shape of what a verified token claims; undefined: it is not one of ours. */
export function readPrivateClaims(payload: Readonly<Record<string, unknown>>): PrivateClaims | undefined {
  const claims = payload["kubernetes.io"];
  if (!isJsonObject(claims) || typeof claims["namespace"] !== "string" || !isRef(claims["serviceaccount"]))
    return undefined;
  for (const name of ["pod", "secret", "node"])
    if (claims[name] !== undefined && !isRef(claims[name])) return undefined;
  const read = claims as unknown as PrivateClaims;
  const subject = `system:serviceaccount:${read.namespace}:${read.serviceaccount.name}`;
  return payload["sub"] === subject ? read : undefined;
}

function isRef(value: unknown): value is Ref {
  return (
    isJsonObject(value) &&
    typeof value["name"] === "string" &&
    ["string", "undefined"].includes(typeof value["uid"])
  );
}
