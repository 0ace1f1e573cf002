/** Publishes the authority of the API server's own certificate as a ClusterTrustBundle of a signer. @module */
import { createHash } from "node:crypto";
import type { Kind } from "#apimachinery";
import { isAlreadyExists, unless } from "#apimachinery";
import { ClusterTrustBundles } from "#api/certificates/v1/clustertrustbundle";
import type { ClusterTrustBundle } from "#api/certificates/v1/types.gen";
import type { Controller, ControllerContext } from "#controller-runtime";
import { measuredSync } from "../measured-sync.ts";
import { followRootCA, liveRootCA, type RootCA } from "../root-ca.ts";
import { unlessGone } from "../unless-gone.ts";

const SIGNER = "kubernetes.io/kube-apiserver-serving";

/** The name carries a hash of the content: a new authority is a new object, and the old one goes when that is there. */
export function bundleName(trustBundle: string): string {
  const digest = createHash("sha256").update(trustBundle).digest("hex").slice(0, 24);
  return `${SIGNER.replaceAll("/", ":")}:${digest}`;
}

/** Safe on a stale cache: the name is fixed by the content, and only bundles of our own signer are removed. */
export function trustBundlePublisherController(context: ControllerContext, rootCA: RootCA): Controller {
  const { client, informers } = context;
  const bundles = informers.lister(ClusterTrustBundles);
  const live = liveRootCA(rootCA);
  return {
    name: "kube-apiserver-serving-clustertrustbundle-publisher-controller",
    reconciles: ClusterTrustBundles as unknown as Kind,
    workers: 1,
    background(enqueue, signal) {
      enqueue(SIGNER);
      return followRootCA(live, () => enqueue(SIGNER), signal);
    },
    async reconcile(_key, signal) {
      await measuredSync(context, "clustertrustbundle_publisher", () => publish(signal));
      return {};
    },
  };

  async function publish(signal: AbortSignal): Promise<void> {
    const trustBundle = live.current;
    const name = bundleName(trustBundle);
    const wanted: ClusterTrustBundle = {
      apiVersion: "certificates.k8s.io/v1",
      kind: "ClusterTrustBundle",
      metadata: { name },
      spec: { signerName: SIGNER, trustBundle },
    };
    const existing = bundles.get(name);
    if (existing === undefined) {
      await unless(isAlreadyExists, client.create(ClusterTrustBundles, wanted, signal));
    } else if (existing.spec.trustBundle !== trustBundle) {
      await unlessGone(client.update(ClusterTrustBundles, { ...existing, spec: wanted.spec }, signal));
    }
    for (const { metadata, spec } of bundles.list()) {
      if (spec.signerName !== SIGNER || metadata.name === name) continue;
      await unlessGone(client.delete(ClusterTrustBundles, metadata, signal));
    }
  }
}
