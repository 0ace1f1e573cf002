/** Asks the control plane for a certificate and waits for it: a CertificateSigningRequest, followed until it is settled. @module */
import { isAlreadyExists } from "#apimachinery";
import { CertificateSigningRequests } from "#api/certificates/v1/certificatesigningrequest";
import type { CertificateSigningRequest } from "#api/certificates/v1/types.gen";
import type { Client } from "#client";

export interface CertificateRequest {
  /** PKCS #10. */
  readonly requestPem: string;
  readonly signerName: string;
  readonly usages: readonly string[];
  /** Default: one that the server makes. A fixed name finds the request of an earlier run again. */
  readonly name?: string;
}

/** PEM. Rejects when the request is denied, has failed or is gone; who is patient enough ends it by `signal`. */
export async function requestCertificate(
  client: Client,
  { requestPem, signerName, usages, name }: CertificateRequest,
  signal: AbortSignal,
): Promise<string> {
  const csr: CertificateSigningRequest = {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: name === undefined ? { name: "", generateName: "csr-" } : { name },
    spec: { request: Buffer.from(requestPem).toString("base64"), signerName, usages },
  };
  const made = await client.create(CertificateSigningRequests, csr, signal).catch((err: unknown) => {
    if (name === undefined || !isAlreadyExists(err))
      throw new Error("cannot create certificate signing request", { cause: err });
    return client.get(CertificateSigningRequests, { name }, signal);
  });
  return waitForCertificate(client, made, signal);
}

async function waitForCertificate(
  client: Client,
  { metadata: { name, uid } }: CertificateSigningRequest,
  signal: AbortSignal,
): Promise<string> {
  const fieldSelector = `metadata.name=${name}`;
  for (;;) {
    const { items, metadata } = await client.list(CertificateSigningRequests, { fieldSelector }, signal);
    const [now] = items;
    if (now === undefined) throw new Error(`csr ${JSON.stringify(name)} was deleted`);
    const issued = certificateOf(now, uid);
    if (issued !== undefined) return issued;
    const { resourceVersion = "" } = metadata;
    const options = { fieldSelector, resourceVersion };
    for await (const { type, object } of client.watch(CertificateSigningRequests, options, signal)) {
      if (type === "DELETED") throw new Error(`csr ${JSON.stringify(name)} was deleted`);
      if (type !== "ADDED" && type !== "MODIFIED") break;
      const certificate = certificateOf(object, uid);
      if (certificate !== undefined) return certificate;
    }
    signal.throwIfAborted();
  }
}

/** Undefined: not yet. */
function certificateOf(
  { metadata, status }: CertificateSigningRequest,
  uid: string | undefined,
): string | undefined {
  if (metadata.uid !== uid) throw new Error(`csr ${JSON.stringify(metadata.name)} changed UIDs`);
  const conditions = status?.conditions ?? [];
  const end = conditions.find(({ type }) => type === "Denied" || type === "Failed");
  if (end !== undefined) {
    const what = end.type === "Denied" ? "is denied" : "failed";
    const why = `reason: ${end.reason ?? ""}, message: ${end.message ?? ""}`;
    throw new Error(`certificate signing request ${what}, ${why}`);
  }
  const { certificate = "" } = status ?? {};
  const isApproved = conditions.some(({ type }) => type === "Approved");
  return isApproved && certificate !== "" ? Buffer.from(certificate, "base64").toString() : undefined;
}
