/** The keys that sign ServiceAccount tokens. Several may be good for checking; the first one signs. @module */
import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject } from "node:crypto";

export interface SigningKey {
  /** As upstream makes it: the hash of the public key, so that it follows from the key alone. */
  readonly kid: string;
  readonly alg: "ES256" | "ES384" | "ES512" | "RS256";
  readonly publicKey: KeyObject;
  /** Absent: tokens of this key are accepted and no new ones issued. */
  readonly privateKey?: KeyObject;
}

/** A new P-256 key in PEM (PKCS #8), to be kept by the caller. */
export function generateSigningKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" });
}

/** Reads private and public keys in PEM, in order. Throws when there are none, or of an unknown kind. */
export function loadSigningKeys(pem: string): SigningKey[] {
  const blocks = pem.match(/-----BEGIN ([A-Z ]+)-----[^]*?-----END \1-----/g) ?? [];
  if (blocks.length === 0) throw new Error("no signing key found in the PEM given");
  return blocks.map(load);
}

/** The key that signs stands first, and none twice; `signing` is the private key's PEM when it is not among `keys`. */
export function arrangeKeys(keys: string, signing?: string): SigningKey[] {
  const all = [...(signing === undefined ? [] : loadSigningKeys(signing)), ...loadSigningKeys(keys)];
  const byId = new Map<string, SigningKey>();
  for (const key of all) if (byId.get(key.kid)?.privateKey === undefined) byId.set(key.kid, key);
  return [...byId.values()];
}

/** RFC 7517. */
export type JsonWebKey = Readonly<Record<string, unknown>>;

export function jwkOf({ kid, alg, publicKey }: SigningKey): JsonWebKey {
  return { use: "sig", kid, alg, ...publicKey.export({ format: "jwk" }) };
}

function load(block: string): SigningKey {
  const privateKey = block.includes("PRIVATE KEY") ? createPrivateKey(block) : undefined;
  const publicKey = createPublicKey(block);
  const kid = hash("sha256", publicKey.export({ type: "spki", format: "der" }), "base64url");
  return { kid, alg: algorithmOf(publicKey), publicKey, ...(privateKey !== undefined && { privateKey }) };
}

function algorithmOf({
  asymmetricKeyType: type,
  asymmetricKeyDetails: details,
}: KeyObject): SigningKey["alg"] {
  const alg = type === "rsa" ? "RS256" : type === "ec" ? CURVES[details?.namedCurve ?? ""] : undefined;
  if (alg !== undefined) return alg;
  throw new Error(`a signing key must be RSA or P-256, P-384 or P-521, this one is ${type}`);
}

/** OpenSSL's names of the curves. */
const CURVES: Readonly<Record<string, SigningKey["alg"]>> = {
  prime256v1: "ES256",
  secp384r1: "ES384",
  secp521r1: "ES512",
};
