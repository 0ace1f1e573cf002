/** The two OpenID documents by which others can check our ServiceAccount tokens. @module */
import { jwkOf, type JsonWebKey, type SigningKey } from "./signing-key.ts";

/** `/.well-known/openid-configuration` */
export function openIdConfiguration(
  issuer: string,
  keys: readonly SigningKey[],
  jwksUri: string = `${issuer.replace(/\/$/, "")}/openid/v1/jwks`,
): Readonly<Record<string, unknown>> {
  return {
    issuer,
    jwks_uri: jwksUri,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: [...new Set(keys.map(({ alg }) => alg))],
  };
}

/** `/openid/v1/jwks`, in the media type application/jwk-set+json. */
export function jsonWebKeySet(keys: readonly SigningKey[]): { readonly keys: readonly JsonWebKey[] } {
  return { keys: keys.map(jwkOf) };
}
