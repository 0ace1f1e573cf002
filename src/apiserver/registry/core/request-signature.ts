/** Whether who asks for a certificate has the private key that it is for. @module */
import { constants, createPublicKey, verify, type VerifyKeyObjectInput } from "node:crypto";
import type { ParsedRequest } from "#api/certificates/der";

/** Signature algorithms by object identifier, and their digests; undefined: the algorithm has its own. */
const DIGESTS: Readonly<Record<string, string | undefined>> = {
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.3.101.112": undefined,
};

/** A request is signed with the key that it holds. Undefined: this one is. */
export function signatureProblem({
  algorithm,
  publicKey,
  signature,
  toBeSigned,
}: ParsedRequest): string | undefined {
  if (!(algorithm in DIGESTS)) return "x509: cannot verify signature: algorithm unimplemented";
  if (isSigned(DIGESTS[algorithm], publicKey, toBeSigned.raw, signature)) return undefined;
  return "x509: signature of the certificate request is wrong";
}

/** How requests of v1.35 proved it: the text, signed with RSA-PSS or ECDSA over its SHA-256, or with Ed25519. */
export function isProof(text: string, publicKey: Uint8Array, signature: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
    const digest = key.asymmetricKeyType === "ed25519" ? undefined : "sha256";
    const padding = key.asymmetricKeyType === "rsa" ? { padding: constants.RSA_PKCS1_PSS_PADDING } : {};
    const input: VerifyKeyObjectInput = { key, ...padding };
    return verify(digest, Buffer.from(text), input, signature);
  } catch {
    // Whatever the library dislikes about the key: nobody has shown to have its private half.
    return false;
  }
}

function isSigned(
  digest: string | undefined,
  publicKey: Uint8Array,
  signed: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
    return verify(digest, signed, key, signature);
  } catch {
    // Whatever the library dislikes about the key: nobody has shown to have its private half.
    return false;
  }
}
