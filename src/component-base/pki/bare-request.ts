/** Requests that say nothing but their key: what kubelets send for pods. @module */
import type { webcrypto } from "node:crypto";
import { privateKeyToPem } from "./keys.ts";
import { Pkcs10CertificateRequestGenerator } from "./x509.ts";

type KeyAlgorithm = webcrypto.RsaHashedKeyGenParams | webcrypto.EcKeyGenParams | webcrypto.Algorithm;

interface Generation {
  readonly key: KeyAlgorithm;
  readonly signature: webcrypto.Algorithm | webcrypto.EcdsaParams;
}

/** Names are those of `podCertificate.keyType`. */
const GENERATIONS: Readonly<Record<string, Generation>> = {
  RSA3072: rsa(3072),
  RSA4096: rsa(4096),
  ECDSAP256: ecdsa("P-256", "SHA-256"),
  ECDSAP384: ecdsa("P-384", "SHA-384"),
  ECDSAP521: ecdsa("P-521", "SHA-512"),
  ED25519: { key: { name: "Ed25519" }, signature: { name: "Ed25519" } },
};

export interface BareRequest {
  /** PKCS #8. */
  readonly privateKeyPem: string;
  /** PKCS #10 in DER, as base64. */
  readonly request: string;
}

/** A new key, and a request for it with an empty subject. Throws on a key type that nobody knows. */
export async function createBareRequest(keyType: string): Promise<BareRequest> {
  const generation = GENERATIONS[keyType];
  if (generation === undefined) throw new Error(`unknown key type ${JSON.stringify(keyType)}`);
  const keys = (await crypto.subtle.generateKey(generation.key, true, [
    "sign",
    "verify",
  ])) as webcrypto.CryptoKeyPair;
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: generation.signature,
  });
  return {
    privateKeyPem: await privateKeyToPem(keys.privateKey),
    request: Buffer.from(request.rawData).toString("base64"),
  };
}

function rsa(modulusLength: number): Generation {
  const name = "RSASSA-PKCS1-v1_5";
  const publicExponent = new Uint8Array([1, 0, 1]);
  return { key: { name, modulusLength, publicExponent, hash: "SHA-256" }, signature: { name } };
}

function ecdsa(namedCurve: string, hash: string): Generation {
  return { key: { name: "ECDSA", namedCurve }, signature: { name: "ECDSA", hash } };
}
