/** Reads the PKCS #10 request of a CertificateSigningRequest. @module */
import type { CertificateSigningRequest } from "#api/certificates/v1/types.gen";
import { TerminalError } from "#controller-runtime";
import type { SubjectInfo } from "#component-base/pki";

/** PEM. */
export function requestPem({ spec }: CertificateSigningRequest): string {
  return Buffer.from(spec.request, "base64").toString("latin1");
}

/** Throws a `TerminalError`: what cannot be parsed now can never be. */
export async function subjectOf(csr: CertificateSigningRequest): Promise<SubjectInfo> {
  // The library takes as long to load as all controllers together, and few clusters see a request every day.
  const { parseCertificateRequest } = await import("#component-base/pki");
  try {
    return parseCertificateRequest(requestPem(csr));
  } catch (cause) {
    throw new TerminalError(`unable to parse csr ${JSON.stringify(csr.metadata.name)}`, { cause });
  }
}
