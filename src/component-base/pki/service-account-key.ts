/** The key that signs ServiceAccount tokens (ES256), and the public half that discovery shows. @module */
import { createHash } from "node:crypto";
import { generateKeyPair, privateKeyFromPem, privateKeyToPem, publicKeyToPem, type KeyPair } from "./keys.ts";

export interface ServiceAccountKey extends KeyPair {
  /** `kid` in tokens: the hash of the public key, as upstream derives it. */
  readonly keyId: string;
  readonly algorithm: "ES256" | "RS256";
  readonly privateKeyPem: string;
  readonly publicKeyPem: string;
  /** Entry of `/openid/v1/jwks`. */
  readonly jwk: Readonly<Record<string, string>>;
}

export async function generateServiceAccountKey(): Promise<ServiceAccountKey> {
  const { privateKey } = await generateKeyPair();
  return loadServiceAccountKey(await privateKeyToPem(privateKey));
}

/** From a PEM private key, P-256 or RSA. */
export async function loadServiceAccountKey(privateKeyPem: string): Promise<ServiceAccountKey> {
  const pair = await privateKeyFromPem(privateKeyPem);
  const algorithm = pair.publicKey.algorithm.name === "ECDSA" ? "ES256" : "RS256";
  const spki = await crypto.subtle.exportKey("spki", pair.publicKey);
  const keyId = createHash("sha256").update(new Uint8Array(spki)).digest("base64url");
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const parameters = Object.entries({ kty, crv, x, y, n, e }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return {
    ...pair,
    keyId,
    algorithm,
    privateKeyPem,
    publicKeyPem: await publicKeyToPem(pair.publicKey),
    jwk: { use: "sig", kid: keyId, alg: algorithm, ...Object.fromEntries(parameters) },
  };
}
