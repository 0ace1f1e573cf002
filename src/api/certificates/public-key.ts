/** What sort of key a SubjectPublicKeyInfo holds, as far as rules for certificates ask. @module */
import { childrenOf, first, oidOf } from "./der.ts";

export type KeyType =
  | { readonly type: "Ed25519" }
  /** `curve` as Go names it. */
  | { readonly type: "ECDSA"; readonly curve: string }
  | { readonly type: "RSA"; readonly bits: number };

const ED25519 = "1.3.101.112";
const ECDSA = "1.2.840.10045.2.1";
const RSA = "1.2.840.113549.1.1.1";
const CURVES: Readonly<Record<string, string>> = {
  "1.3.132.0.33": "P-224",
  "1.2.840.10045.3.1.7": "P-256",
  "1.3.132.0.34": "P-384",
  "1.3.132.0.35": "P-521",
};

/** Undefined: nothing that could be read as a key. "unknown": a key of an algorithm that nobody here speaks. */
export function keyTypeOf(publicKey: Uint8Array): KeyType | "unknown" | undefined {
  const [algorithm, bits] = childrenOf(first(publicKey)?.content) ?? [];
  const [id, parameters] = childrenOf(algorithm?.content) ?? [];
  if (id === undefined || bits === undefined) return undefined;
  switch (oidOf(id.content)) {
    case ED25519:
      return { type: "Ed25519" };
    case ECDSA: {
      const curve = parameters === undefined ? undefined : CURVES[oidOf(parameters.content)];
      return curve === undefined ? undefined : { type: "ECDSA", curve };
    }
    case RSA:
      return rsaOf(bits.content.subarray(1));
    default:
      return "unknown";
  }
}

function rsaOf(key: Uint8Array): KeyType | undefined {
  const [modulus] = childrenOf(first(key)?.content) ?? [];
  if (modulus === undefined) return undefined;
  const start = modulus.content.findIndex((byte) => byte !== 0);
  return { type: "RSA", bits: (modulus.content.length - start) * 8 };
}
