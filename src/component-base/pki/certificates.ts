/** The cluster's certificates: authorities, what they issue, and the requests they sign. @module */
import type { Clock } from "#apimachinery";
import {
  generateKeyPair,
  privateKeyFromPem,
  privateKeyToPem,
  signingAlgorithmOf,
  type KeyPair,
} from "./keys.ts";
import { certificateBlocks } from "./pem.ts";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  type Extension,
  type JsonName,
} from "./x509.ts";

/** A certificate is valid a little before it was made, for machines whose clock is behind. */
export const BACKDATING_MS = 300_000;
const DAY_MS = 86_400_000;
const CA_VALIDITY_MS = 3650 * DAY_MS;
const CERTIFICATE_VALIDITY_MS = 365 * DAY_MS;

export type CertificateUsage = "server" | "client";

export interface KeyPairPem {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface CertificateAuthority extends KeyPairPem {
  readonly certificate: X509Certificate;
  readonly privateKey: CryptoKey;
}

/** Who a certificate is for. To the API server the common name is the user and the organizations are the groups. */
export interface CertificateSubject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

export interface IssueOptions extends CertificateSubject {
  readonly usages: readonly CertificateUsage[];
  /** Never beyond the authority's own end. Default: a year. */
  readonly validityMs?: number;
}

/** A new authority that signs itself; ten years unless told otherwise. */
export async function createCertificateAuthority(
  commonName: string,
  clock: Clock,
  validityMs: number = CA_VALIDITY_MS,
): Promise<CertificateAuthority> {
  const keys = await generateKeyPair();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: nameOf({ commonName }),
    keys,
    signingAlgorithm: signingAlgorithmOf(keys.privateKey),
    ...validity(clock, validityMs),
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(
        KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment,
        true,
      ),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      sanOf({ dnsNames: [commonName] }),
    ],
  });
  return {
    certificate,
    privateKey: keys.privateKey,
    certificatePem: pemOf(certificate),
    privateKeyPem: await privateKeyToPem(keys.privateKey),
  };
}

/** An authority from its files: the first certificate of a bundle. Throws when they do not belong together or the certificate is no authority's. */
export async function loadCertificateAuthority(pair: KeyPairPem): Promise<CertificateAuthority> {
  const certificate = new X509Certificate(certificateBlocks(pair.certificatePem)[0] ?? "");
  const { privateKey, publicKey } = await privateKeyFromPem(pair.privateKeyPem);
  const own = Buffer.from(await crypto.subtle.exportKey("spki", publicKey));
  if (!own.equals(Buffer.from(certificate.publicKey.rawData))) {
    throw new Error(`loading certificate authority ${certificate.subject}: the key is not the certificate's`);
  }
  if (certificate.getExtension(BasicConstraintsExtension)?.ca !== true) {
    throw new Error(
      `loading certificate authority ${certificate.subject}: the certificate may not sign others`,
    );
  }
  return { ...pair, certificate, privateKey };
}

/** A new key with a certificate for it. */
export async function issueCertificate(
  ca: CertificateAuthority,
  options: IssueOptions,
  clock: Clock,
): Promise<KeyPairPem> {
  const keys = await generateKeyPair();
  const certificate = await sign(ca, keys.publicKey, nameOf(options), sanOf(options), options, clock);
  return { certificatePem: pemOf(certificate), privateKeyPem: await privateKeyToPem(keys.privateKey) };
}

/** A PKCS #10 request and the key it is for. */
export async function createCertificateRequest(
  subject: CertificateSubject,
): Promise<{ readonly requestPem: string; readonly privateKeyPem: string }> {
  const keys = await generateKeyPair();
  const privateKeyPem = await privateKeyToPem(keys.privateKey);
  return { requestPem: await requestFor(subject, keys), privateKeyPem };
}

/** The same for a key that exists already. */
export async function createCertificateRequestFor(
  subject: CertificateSubject,
  privateKeyPem: string,
): Promise<string> {
  return requestFor(subject, await privateKeyFromPem(privateKeyPem));
}

async function requestFor(subject: CertificateSubject, keys: KeyPair): Promise<string> {
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: nameOf(subject),
    keys,
    signingAlgorithm: signingAlgorithmOf(keys.privateKey),
    extensions: hasSans(subject) ? [sanOf(subject)] : [],
  });
  return `${request.toString("pem")}\n`;
}

async function sign(
  ca: CertificateAuthority,
  publicKey: CryptoKey,
  subject: JsonName,
  san: SubjectAlternativeNameExtension | undefined,
  options: Pick<IssueOptions, "usages" | "validityMs">,
  clock: Clock,
): Promise<X509Certificate> {
  const span = validity(clock, options.validityMs ?? CERTIFICATE_VALIDITY_MS);
  const end = Math.min(span.notAfter.getTime(), ca.certificate.notAfter.getTime());
  const usages = options.usages.map((usage) =>
    usage === "server" ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth,
  );
  const extensions: Extension[] = [
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true),
    new ExtendedKeyUsageExtension(usages),
    new BasicConstraintsExtension(false, undefined, true),
    await AuthorityKeyIdentifierExtension.create(await ca.certificate.publicKey.export()),
  ];
  if (san !== undefined && san.names.items.length > 0) extensions.push(san);
  return X509CertificateGenerator.create({
    subject,
    issuer: ca.certificate.subjectName.toJSON(),
    publicKey,
    signingKey: ca.privateKey,
    signingAlgorithm: signingAlgorithmOf(ca.privateKey),
    notBefore: span.notBefore,
    notAfter: new Date(end),
    extensions,
  });
}

/** X.509 knows whole seconds. */
export function validity(
  clock: Clock,
  validityMs: number,
): { readonly notBefore: Date; readonly notAfter: Date } {
  const now = Math.floor(clock.now() / 1000) * 1000;
  return { notBefore: new Date(now - BACKDATING_MS), notAfter: new Date(now + validityMs) };
}

function nameOf(subject: CertificateSubject): JsonName {
  return [...(subject.organizations ?? []).map((group) => ({ O: [group] })), { CN: [subject.commonName] }];
}

function hasSans(subject: Pick<CertificateSubject, "dnsNames" | "ipAddresses">): boolean {
  return (subject.dnsNames ?? []).length + (subject.ipAddresses ?? []).length > 0;
}

function sanOf(
  subject: Pick<CertificateSubject, "dnsNames" | "ipAddresses">,
): SubjectAlternativeNameExtension {
  return new SubjectAlternativeNameExtension([
    ...(subject.dnsNames ?? []).map((value) => ({ type: "dns" as const, value })),
    ...(subject.ipAddresses ?? []).map((value) => ({ type: "ip" as const, value })),
  ]);
}

/** One PEM block, with the newline that lets blocks follow each other. */
export function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}
