/** Who a PKCS#10 certificate request asks to be. @module */
import { parseCertificateRequest, type SubjectInfo } from "#component-base/pki";

/** `request` as in a CertificateSigningRequest: base64 of PEM. Undefined: it is none. */
export function subjectOfRequest(request: string): SubjectInfo | undefined {
  const pem = Buffer.from(request, "base64").toString("latin1");
  if (!pem.includes("-----BEGIN CERTIFICATE REQUEST-----")) return undefined;
  try {
    return parseCertificateRequest(pem);
  } catch {
    // Whatever the parser dislikes: it is no request that could be signed.
    return undefined;
  }
}
