/** The trust anchors that a clusterTrustBundle source names, as one PEM file; upstream's `clustertrustbundle` manager. Pure. @module */
import { pemBlocks } from "#api/certificates/pem";
import type { ClusterTrustBundle } from "#api/certificates/v1/types.gen";
import type { ClusterTrustBundleProjection } from "#api/core/v1/types.gen";
import { labels } from "#apimachinery";

const LINE = /.{1,64}/g;

/** Each anchor once, in an order that depends on nothing else. Throws when there is none and it is not optional. */
export function trustAnchors(
  { name, signerName, labelSelector, optional = false }: ClusterTrustBundleProjection,
  bundles: readonly ClusterTrustBundle[],
): string {
  if (name === undefined && signerName === undefined)
    throw new Error("ClusterTrustBundle projection requires either name or signerName to be set");
  // Without a selector nothing is selected, with an empty one everything of the signer.
  const selector = labels.fromLabelSelector(labelSelector);
  const chosen = bundles.filter(({ metadata, spec }) =>
    name === undefined
      ? spec.signerName === signerName && labels.matches(selector, metadata.labels)
      : metadata.name === name,
  );
  if (chosen.length === 0 && !optional) throw new Error(missing(name));
  const anchors = chosen.flatMap(({ spec }) => pemBlocks(spec.trustBundle).map(({ der }) => der.toBase64()));
  return [...new Set(anchors)].toSorted().map(pem).join("");
}

function missing(name: string | undefined): string {
  return name === undefined
    ? "combination of signerName and labelSelector matched zero ClusterTrustBundles"
    : `while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io ${JSON.stringify(name)} not found`;
}

function pem(base64: string): string {
  const lines = base64.match(LINE) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
