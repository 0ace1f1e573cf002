/** The built-in signers: issues certificates for approved requests, or says why it never will. @module */
import type { Kind } from "#apimachinery";
import { CertificateSigningRequests } from "#api/certificates/v1/certificatesigningrequest";
import type { CertificateSigningRequest } from "#api/certificates/v1/types.gen";
import type { CertificateAuthority, KeyPairPem } from "#component-base/pki";
import type { Controller, ControllerContext } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";
import { awaitsSigner, certificateTtlMs, signerProblem } from "./plan.ts";
import { requestPem, subjectOf } from "./subject-of-request.ts";

export interface SigningOptions {
  /** The authority that signs; its files are read before every signature, so that a new one is used at once. */
  readonly ca: () => Promise<KeyPairPem>;
  /** Longest life of a certificate. Default: a year. */
  readonly ttlMaxMs?: number;
}

const TTL_MAX_MS = 365 * 86_400_000;

/** Safe on a stale cache: writes carry the resourceVersion they were decided on, and a certificate is never replaced. */
export function csrSigningController(
  { client, clock, informers }: ControllerContext,
  { ca, ttlMaxMs = TTL_MAX_MS }: SigningOptions,
): Controller {
  const requests = informers.lister(CertificateSigningRequests);
  const authority = cachedAuthority(ca);
  const sign = async (csr: CertificateSigningRequest): Promise<string> => {
    const { signCertificateRequest } = await import("#component-base/pki");
    const ttlMs = certificateTtlMs(csr.spec.expirationSeconds, ttlMaxMs);
    const policy = { usages: csr.spec.usages ?? [], ttlMs };
    return signCertificateRequest(await authority(), requestPem(csr), policy, clock);
  };
  return {
    name: "certificatesigningrequest-signing-controller",
    reconciles: CertificateSigningRequests as unknown as Kind,
    async reconcile(key, signal) {
      const csr = requests.get(key);
      if (csr === undefined || !awaitsSigner(csr)) return {};
      const problem = signerProblem(csr.spec, await subjectOf(csr));
      const status =
        problem === undefined
          ? { ...csr.status, certificate: Buffer.from(await sign(csr)).toString("base64") }
          : withFailure(csr, problem);
      await unlessGone(client.updateStatus(CertificateSigningRequests, { ...csr, status }, signal));
      return {};
    },
  };
}

function withFailure(
  { status }: CertificateSigningRequest,
  message: string,
): NonNullable<CertificateSigningRequest["status"]> {
  const failure = { type: "Failed", status: "True", reason: "SignerValidationFailure", message };
  return { ...status, conditions: [...(status?.conditions ?? []), failure] };
}

/** Parses the authority again only when its files have changed. */
function cachedAuthority(read: () => Promise<KeyPairPem>): () => Promise<CertificateAuthority> {
  let cached: CertificateAuthority | undefined;
  return async () => {
    const pair = await read();
    const isSame =
      cached?.certificatePem === pair.certificatePem && cached.privateKeyPem === pair.privateKeyPem;
    if (cached !== undefined && isSame) return cached;
    const { loadCertificateAuthority } = await import("#component-base/pki");
    return (cached = await loadCertificateAuthority(pair));
  };
}
