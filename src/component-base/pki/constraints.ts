/** What a certificate may do as an authority. @module */
import { BasicConstraintsExtension, X509Certificate } from "./x509.ts";

/**
 * How many authorities may stand between this one and whom the last of them has signed; undefined: any number. In DER;
 * throws when it is no certificate.
 */
export function pathLengthOf(certificate: Uint8Array<ArrayBuffer>): number | undefined {
  return new X509Certificate(certificate).getExtension(BasicConstraintsExtension)?.pathLength;
}
