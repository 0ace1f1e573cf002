/** Private keys: new ones are EC P-256 (a thousand times cheaper than RSA), existing ones may be RSA too. @module */
import { createPrivateKey, type KeyObject, type webcrypto } from "node:crypto";

const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;

export interface KeyPair {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

/** Extractable, so that it can be written to a file. */
export async function generateKeyPair(): Promise<KeyPair> {
  const pair = await crypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  return { privateKey: pair.privateKey, publicKey: pair.publicKey };
}

/** PKCS #8, the `PRIVATE KEY` block. */
export async function privateKeyToPem(key: CryptoKey): Promise<string> {
  const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", key));
  return toPem("PRIVATE KEY", der);
}

export async function publicKeyToPem(key: CryptoKey): Promise<string> {
  const der = new Uint8Array(await crypto.subtle.exportKey("spki", key));
  return toPem("PUBLIC KEY", der);
}

/** Reads `PRIVATE KEY`, `EC PRIVATE KEY` and `RSA PRIVATE KEY` blocks. Throws for anything else. */
export async function privateKeyFromPem(pem: string): Promise<KeyPair> {
  const key = parse(pem);
  const algorithm = algorithmOf(key);
  const der = key.export({ format: "der", type: "pkcs8" });
  const privateKey = await crypto.subtle.importKey("pkcs8", new Uint8Array(der), algorithm, true, ["sign"]);
  const {
    d: _d,
    p: _p,
    q: _q,
    dp: _dp,
    dq: _dq,
    qi: _qi,
    key_ops: _ops,
    ...jwk
  } = await crypto.subtle.exportKey("jwk", privateKey);
  const publicKey = await crypto.subtle.importKey("jwk", { ...jwk, key_ops: ["verify"] }, algorithm, true, [
    "verify",
  ]);
  return { privateKey, publicKey };
}

function parse(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (err) {
    const { code } = err as { readonly code?: string };
    throw new Error(`reading a private key: not a PEM block of an EC or RSA key (${code ?? "no code"})`, {
      cause: err,
    });
  }
}

function algorithmOf(key: KeyObject): webcrypto.EcKeyImportParams | webcrypto.RsaHashedImportParams {
  if (key.asymmetricKeyType === "rsa") return { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === "prime256v1") return P256;
  if (curve === "secp384r1") return { name: "ECDSA", namedCurve: "P-384" };
  if (curve === "secp521r1") return { name: "ECDSA", namedCurve: "P-521" };
  throw new Error(`reading a private key: ${curve ?? key.asymmetricKeyType} keys are not supported`);
}

/** How certificates are signed with this key. */
export function signingAlgorithmOf(key: CryptoKey): webcrypto.EcdsaParams | webcrypto.Algorithm {
  return key.algorithm.name === "ECDSA" ? { name: "ECDSA", hash: "SHA-256" } : { name: key.algorithm.name };
}

function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
