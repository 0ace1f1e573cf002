/** TLS bootstrap: the first client certificate of a node, requested with a token that may do little else. @module */
import { createHash, createPublicKey } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Logger } from "#apimachinery";
import type { Client } from "#client";
import type { CertificateStore, StoredPair } from "./certificate-store.ts";
import { clientTemplate } from "./plan.ts";
import { requestCertificate } from "./request-certificate.ts";
import { KUBELET_CLIENT_SIGNER, KUBELET_CLIENT_USAGES } from "./kubelet-certificates.ts";

export interface BootstrapOptions {
  /** Acts as the token. */
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: CertificateStore;
  /** Where the key is kept until it has a certificate: an interrupted start goes on with the same request. */
  readonly certDir: string;
  readonly nodeName: string;
}

/** The pair of the store as long as it is valid; otherwise a new one. Waits for the approval as long as it takes. */
export async function bootstrapClientCertificate(
  { client, clock, logger, store, certDir, nodeName }: BootstrapOptions,
  signal: AbortSignal,
): Promise<StoredPair> {
  const current = await store.adopt(clock.now());
  if (current !== undefined && current.leaf.validToDate.getTime() > clock.now()) return current;
  const { createCertificateRequest, createCertificateRequestFor } = await import("#component-base/pki");
  const subject = clientTemplate(nodeName);
  const keyFile = join(certDir, "kubelet-client.key.tmp");
  const kept = await readFile(keyFile, "utf8").catch((err: NodeJS.ErrnoException) => {
    if (err.code !== "ENOENT") throw err;
    return undefined;
  });
  const { requestPem, privateKeyPem } =
    kept === undefined
      ? await createCertificateRequest(subject)
      : { requestPem: await createCertificateRequestFor(subject, kept), privateKeyPem: kept };
  if (kept === undefined) await writeFile(keyFile, privateKeyPem, { mode: 0o600 });
  logger.info("Requesting a client certificate with the bootstrap token", { node: nodeName });
  const certificate = await requestCertificate(
    client,
    {
      requestPem,
      signerName: KUBELET_CLIENT_SIGNER,
      usages: KUBELET_CLIENT_USAGES,
      name: requestName(privateKeyPem, nodeName),
    },
    signal,
  ).catch(async (err: unknown) => {
    // A request that was refused is not repeated with the same key: its name is taken.
    if (!signal.aborted) await rm(keyFile, { force: true });
    throw err;
  });
  const pair = await store.update(certificate, privateKeyPem, clock.now());
  await rm(keyFile, { force: true });
  return pair;
}

/** The same for the same key and node. */
function requestName(privateKeyPem: string, nodeName: string): string {
  const publicKey = createPublicKey(privateKeyPem).export({ type: "spki", format: "der" });
  const digest = createHash("sha512-256").update(publicKey).update(nodeName).digest("base64url");
  return `node-csr-${digest}`;
}
