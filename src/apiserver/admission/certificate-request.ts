/** Who a PKCS#10 certificate request asks to be. @module */
import type { SubjectInfo } from "#component-base/pki";

/** `request` as in a CertificateSigningRequest: base64 of PEM. Undefined: it is none. */
export async function subjectOfRequest(request: string): Promise<SubjectInfo | undefined> {
  const pem = Buffer.from(request, "base64").toString("latin1");
  if (!pem.includes("-----BEGIN CERTIFICATE REQUEST-----")) return undefined;
  // Few servers ever see such a request, and the library takes as long to load as the rest of a server.
  const { parseCertificateRequest } = await import("#component-base/pki");
  try {
    return parseCertificateRequest(pem);
  } catch {
    // Whatever the parser dislikes: it is no request that could be signed.
    return undefined;
  }
}
