/** A signer as users write one: it answers PodCertificateRequests of its name with certificates that say which pod they are of. */
// oxlint-disable-next-line import/no-unassigned-import -- it must run before the library is loaded
import "reflect-metadata/lite";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type X509Certificate,
} from "@peculiar/x509";
import { PodCertificateRequests } from "#api/certificates/v1/podcertificaterequest";
import type { PodCertificateRequest, PodCertificateRequestStatus } from "#api/certificates/v1/types.gen";
import { formatTime, isConflict, isNotFound, type Clock, systemClock } from "#apimachinery";
import type { Client } from "#client";

export interface Signer {
  readonly name: string;
  readonly caPem: string;
  /** The status that issues what was asked for. */
  sign(request: PodCertificateRequest): Promise<PodCertificateRequestStatus>;
}

/** Read from the pod's annotations for the signer. */
export const SPIFFE_PATH = "spiffe.example.com/path";
export const TRUST_DOMAIN = "cluster.example.com";

const ALGORITHM = { name: "ECDSA", hash: "SHA-256", namedCurve: "P-256" };
const CA_LIFE_MS = 365 * 24 * 3_600_000;
const SECOND_MS = 1000;

export async function newSigner(name: string, clock: Clock = systemClock): Promise<Signer> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const ca = await X509CertificateGenerator.createSelfSigned({
    name: "CN=pods",
    keys,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(clock.now() - 60 * SECOND_MS),
    notAfter: new Date(clock.now() + CA_LIFE_MS),
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    name,
    caPem: `${ca.toString("pem")}\n`,
    sign: (request) => sign(ca, keys.privateKey, request, clock),
  };
}

async function sign(
  ca: X509Certificate,
  signingKey: CryptoKey,
  { metadata, spec }: PodCertificateRequest,
  clock: Clock,
): Promise<PodCertificateRequestStatus> {
  const asked = new Pkcs10CertificateRequest(Buffer.from(spec.stubPKCS10Request, "base64"));
  const path =
    spec.unverifiedUserAnnotations?.[SPIFFE_PATH] ?? `ns/${metadata.namespace}/sa/${spec.serviceAccountName}`;
  const beginMs = Math.floor(clock.now() / SECOND_MS) * SECOND_MS;
  const endMs = beginMs + spec.maxExpirationSeconds! * SECOND_MS;
  const leaf = await X509CertificateGenerator.create({
    subject: "",
    issuer: ca.subject,
    publicKey: asked.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(beginMs),
    notAfter: new Date(endMs),
    extensions: [
      new SubjectAlternativeNameExtension([
        { type: "url", value: `spiffe://${TRUST_DOMAIN}/${path}` },
        { type: "dns", value: `${spec.podName}.pods.example.com` },
      ]),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
    ],
  });
  return {
    conditions: [condition("Issued", clock)],
    certificateChain: `${leaf.toString("pem")}\n`,
    notBefore: formatTime(beginMs),
    beginRefreshAt: formatTime(beginMs + (endMs - beginMs) / 2),
    notAfter: formatTime(endMs),
  };
}

export function condition(
  type: "Issued" | "Denied" | "Failed",
  clock: Clock = systemClock,
): NonNullable<PodCertificateRequestStatus["conditions"]>[number] {
  return {
    type,
    status: "True",
    reason: "Test",
    message: `${type} by a test`,
    lastTransitionTime: formatTime(clock.now()),
  };
}

/** Answers every request of its name in the namespace until `signal` aborts. */
export async function runSigner(
  client: Client,
  namespace: string,
  signer: Signer,
  signal: AbortSignal,
): Promise<void> {
  const fieldSelector = `spec.signerName=${signer.name}`;
  try {
    const { items, metadata } = await client.list(
      PodCertificateRequests,
      { namespace, fieldSelector },
      signal,
    );
    for (const request of items) await answer(client, signer, request, signal);
    const { resourceVersion } = metadata;
    const options = { namespace, fieldSelector, ...(resourceVersion !== undefined && { resourceVersion }) };
    for await (const event of client.watch(PodCertificateRequests, options, signal))
      if (event.type === "ADDED") await answer(client, signer, event.object, signal);
  } catch (err) {
    if (!signal.aborted) throw err;
  }
}

async function answer(
  client: Client,
  signer: Signer,
  request: PodCertificateRequest,
  signal: AbortSignal,
): Promise<void> {
  if ((request.status?.conditions ?? []).length > 0) return;
  const status = await signer.sign(request);
  try {
    await client.updateStatus(PodCertificateRequests, { ...request, status }, signal);
  } catch (err) {
    // Its pod has gone meanwhile.
    if (!isNotFound(err) && !isConflict(err)) throw err;
  }
}
