/** Removes certificate requests that have had their time. @module */
import { X509Certificate } from "node:crypto";
import type { Kind } from "#apimachinery";
import { CertificateSigningRequests } from "#api/certificates/v1/certificatesigningrequest";
import type { CertificateSigningRequest } from "#api/certificates/v1/types.gen";
import type { Controller, ControllerContext } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";
import { removeAtMs } from "./plan.ts";

/** Safe on a stale cache: only the very object that was judged is removed. */
export function csrCleanerController({ client, clock, informers }: ControllerContext): Controller {
  const requests = informers.lister(CertificateSigningRequests);
  return {
    name: "certificatesigningrequest-cleaner-controller",
    reconciles: CertificateSigningRequests as unknown as Kind,
    async reconcile(key, signal) {
      const csr = requests.get(key);
      if (csr === undefined) return {};
      const atMs = removeAtMs(csr, notAfterMs(csr));
      if (atMs === undefined) return {};
      const leftMs = atMs - clock.now();
      if (leftMs >= 0) return { requeueAfterMs: leftMs + 1 };
      const { uid, resourceVersion } = csr.metadata;
      const preconditions = {
        ...(uid !== undefined && { uid }),
        ...(resourceVersion !== undefined && { resourceVersion }),
      };
      await unlessGone(client.delete(CertificateSigningRequests, csr.metadata, signal, { preconditions }));
      return {};
    },
  };
}

function notAfterMs({ status }: CertificateSigningRequest): number | undefined {
  const { certificate = "" } = status ?? {};
  if (certificate === "") return undefined;
  try {
    return new X509Certificate(Buffer.from(certificate, "base64")).validToDate.getTime();
  } catch {
    // Other signers may have written what this library cannot read: its age counts alone.
    return undefined;
  }
}
