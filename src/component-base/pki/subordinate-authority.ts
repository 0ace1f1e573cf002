/** Authorities that another has signed. @module */
import type { Clock } from "#apimachinery";
import { validity, type CertificateAuthority } from "./certificates.ts";
import { generateKeyPair, privateKeyToPem, signingAlgorithmOf } from "./keys.ts";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "./x509.ts";

export interface SubordinateOptions {
  /** How many authorities may stand below it; absent: any number. */
  readonly pathLength?: number;
  /** Whether it is said to be an authority at all. Default true; what it signs otherwise nobody is to believe. */
  readonly isCa?: boolean;
  readonly validityMs: number;
}

/** `certificatePem` is its own certificate alone: who shows what it signed shows that too. */
export async function createSubordinateAuthority(
  parent: CertificateAuthority,
  commonName: string,
  { pathLength, isCa = true, validityMs }: SubordinateOptions,
  clock: Clock,
): Promise<CertificateAuthority> {
  const keys = await generateKeyPair();
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [commonName] }],
    issuer: parent.certificate.subjectName.toJSON(),
    publicKey: keys.publicKey,
    signingKey: parent.privateKey,
    signingAlgorithm: signingAlgorithmOf(parent.privateKey),
    ...validity(clock, validityMs),
    extensions: [
      new BasicConstraintsExtension(isCa, pathLength, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(await parent.certificate.publicKey.export()),
    ],
  });
  return {
    certificate,
    privateKey: keys.privateKey,
    certificatePem: `${certificate.toString("pem")}\n`,
    privateKeyPem: await privateKeyToPem(keys.privateKey),
  };
}
