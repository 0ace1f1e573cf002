/** What certificates and requests say. @module */
import type { Clock } from "#apimachinery";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  PemConverter,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  X509Certificate,
} from "./x509.ts";
import type { CertificateUsage } from "./certificates.ts";

export interface SubjectInfo {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
}

export interface CertificateInfo extends SubjectInfo {
  /** The issuer's common name. */
  readonly issuer: string;
  /** Hexadecimal. */
  readonly serialNumber: string;
  /** ms since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isCa: boolean;
  readonly usages: readonly CertificateUsage[];
}

/** The first certificate of a PEM text, or a DER one. Throws when it is none. */
export function parseCertificate(certificate: string | Uint8Array<ArrayBuffer>): CertificateInfo {
  const x509 = new X509Certificate(typeof certificate === "string" ? firstBlock(certificate) : certificate);
  const usages = x509.getExtension(ExtendedKeyUsageExtension)?.usages ?? [];
  return {
    ...subjectOf(x509),
    issuer: x509.issuerName.getField("CN")[0] ?? "",
    serialNumber: x509.serialNumber,
    notBefore: x509.notBefore.getTime(),
    notAfter: x509.notAfter.getTime(),
    isCa: x509.getExtension(BasicConstraintsExtension)?.ca === true,
    usages: [
      ...(usages.includes(ExtendedKeyUsage.serverAuth) ? ["server" as const] : []),
      ...(usages.includes(ExtendedKeyUsage.clientAuth) ? ["client" as const] : []),
    ],
  };
}

export function parseCertificateRequest(requestPem: string): SubjectInfo {
  return subjectOf(new Pkcs10CertificateRequest(requestPem));
}

/** Whether `certificatePem` is signed by `caPem` and valid now. Chains of more than one step are not followed. */
export async function isIssuedBy(certificatePem: string, caPem: string, clock: Clock): Promise<boolean> {
  const certificate = new X509Certificate(firstBlock(certificatePem));
  const ca = new X509Certificate(firstBlock(caPem));
  return certificate.verify({ publicKey: await ca.publicKey.export(), date: new Date(clock.now()) });
}

/** Whether `certificatePem` is signed by `caPem`, whenever that was. */
export async function isSignedBy(certificatePem: string, caPem: string): Promise<boolean> {
  const certificate = new X509Certificate(firstBlock(certificatePem));
  const ca = new X509Certificate(firstBlock(caPem));
  return certificate.verify({ publicKey: await ca.publicKey.export(), signatureOnly: true });
}

/** Time until the certificate ends; negative when it has ended. */
export function remainingMs(certificatePem: string, clock: Clock): number {
  return parseCertificate(certificatePem).notAfter - clock.now();
}

function subjectOf(x509: X509Certificate | Pkcs10CertificateRequest): SubjectInfo {
  const san = x509.extensions.find((extension) => extension instanceof SubjectAlternativeNameExtension);
  const names = san?.names.toJSON() ?? [];
  return {
    // the last one counts, as in Go
    commonName: x509.subjectName.getField("CN").at(-1) ?? "",
    organizations: x509.subjectName.getField("O"),
    dnsNames: names.filter((name) => name.type === "dns").map((name) => name.value),
    ipAddresses: names.filter((name) => name.type === "ip").map((name) => name.value),
    emailAddresses: names.filter((name) => name.type === "email").map((name) => name.value),
    uris: names.filter((name) => name.type === "url").map((name) => name.value),
  };
}

function firstBlock(pem: string): ArrayBuffer {
  const block = PemConverter.decodeFirst(pem);
  return block;
}
