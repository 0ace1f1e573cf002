/** Removes PodCertificateRequests that are older than any exchange about them takes; their certificates live on with the kubelets. @module */
import { parseTime, type Kind } from "#apimachinery";
import { PodCertificateRequests } from "#api/certificates/v1/podcertificaterequest";
import type { Controller, ControllerContext } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";

/** Upstream's. */
const AGE_MS_MAX = 15 * 60_000;

/** Safe on a stale cache: only the very object that was judged is removed, and its age only grows. */
export function podCertificateRequestCleanerController({
  client,
  clock,
  informers,
}: ControllerContext): Controller {
  const requests = informers.lister(PodCertificateRequests);
  return {
    name: "podcertificaterequest-cleaner-controller",
    reconciles: PodCertificateRequests as unknown as Kind,
    workers: 1,
    async reconcile(key, signal) {
      const request = requests.get(key);
      if (request === undefined || request.metadata.deletionTimestamp !== undefined) return {};
      const { uid, creationTimestamp } = request.metadata;
      const leftMs = parseTime(creationTimestamp!) + AGE_MS_MAX - clock.now();
      if (leftMs > 0) return { requeueAfterMs: leftMs };
      const preconditions = uid === undefined ? {} : { uid };
      await unlessGone(client.delete(PodCertificateRequests, request.metadata, signal, { preconditions }));
      return {};
    },
  };
}
