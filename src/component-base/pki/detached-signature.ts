/** Signatures with a shared secret over a text that is not part of them (RFC 7515, appendix F): how bootstrap tokens sign. @module */
import { createHmac } from "node:crypto";

/** A compact JWS (HS256) without its middle part. */
export function detachedSignature(content: string, keyId: string, secret: string): string {
  // The order of the members is part of the signature, and that of go-jose.
  const header = encode(JSON.stringify({ alg: "HS256", kid: keyId }));
  const signed = `${header}.${encode(content)}`;
  return `${header}..${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

function encode(text: string): string {
  return Buffer.from(text).toString("base64url");
}
