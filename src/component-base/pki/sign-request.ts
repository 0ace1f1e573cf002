/** Signs certificate requests: what was asked for, within bounds; upstream's permissive signing policy. @module */
import type { Clock } from "#apimachinery";
import { BACKDATING_MS, pemOf, type CertificateAuthority } from "./certificates.ts";
import { signingAlgorithmOf } from "./keys.ts";
import { keyUsagesFromStrings } from "./key-usages.ts";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type Extension,
} from "./x509.ts";

/** Below this the end is not moved with the beginning: five minutes would be more than a hundredth of it. */
const SHORT_MS = 8 * 3_600_000;
/** Names that are handed on; others (directory names, identifiers of other kinds) are left out. */
const NAME_TYPES: readonly string[] = ["dns", "email", "ip", "url"];

export interface SigningPolicy {
  /** In the words of the certificates API: `digital signature`, `client auth`. */
  readonly usages: readonly string[];
  readonly ttlMs: number;
}

/**
 * Signs a request: subject and alternative names are the requester's, so the caller must have approved them
 * (`parseCertificateRequest`). Throws when the request's own signature is wrong, or the authority has expired.
 */
export async function signCertificateRequest(
  ca: CertificateAuthority,
  requestPem: string,
  { usages, ttlMs }: SigningPolicy,
  clock: Clock,
): Promise<string> {
  const request = new Pkcs10CertificateRequest(requestPem);
  if (!(await request.verify()))
    throw new Error(`signing the request of ${request.subject}: its signature is wrong`);
  const { flags, extended } = keyUsagesFromStrings(usages);
  const { notBefore, notAfter } = span(ca, ttlMs, clock);
  const san = request.extensions.find((extension) => extension instanceof SubjectAlternativeNameExtension);
  const names = (san?.names.toJSON() ?? []).filter(({ type }) => NAME_TYPES.includes(type));
  const extensions: Extension[] = [
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the bits of the enumeration add up to a number
    ...(flags === 0 ? [] : [new KeyUsagesExtension(flags, true)]),
    ...(extended.length === 0 ? [] : [new ExtendedKeyUsageExtension([...extended])]),
    new BasicConstraintsExtension(false, undefined, true),
    await AuthorityKeyIdentifierExtension.create(await ca.certificate.publicKey.export()),
    ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
  ];
  const certificate = await X509CertificateGenerator.create({
    subject: request.subjectName.toJSON(),
    issuer: ca.certificate.subjectName.toJSON(),
    publicKey: request.publicKey,
    signingKey: ca.privateKey,
    signingAlgorithm: signingAlgorithmOf(ca.privateKey),
    notBefore,
    notAfter,
    extensions,
  });
  return pemOf(certificate);
}

function span(
  ca: CertificateAuthority,
  ttlMs: number,
  clock: Clock,
): { readonly notBefore: Date; readonly notAfter: Date } {
  const now = Math.floor(clock.now() / 1000) * 1000;
  const end = ca.certificate.notAfter.getTime();
  if (now - BACKDATING_MS >= end)
    throw new Error(`the signer has expired: NotAfter=${ca.certificate.notAfter.toISOString()}`);
  if (now >= end)
    throw new Error(
      `refusing to sign a certificate that expired in the past: NotAfter=${ca.certificate.notAfter.toISOString()}`,
    );
  const wanted = now + ttlMs - (ttlMs < SHORT_MS ? 0 : BACKDATING_MS);
  return { notBefore: new Date(now - BACKDATING_MS), notAfter: new Date(Math.min(wanted, end)) };
}
