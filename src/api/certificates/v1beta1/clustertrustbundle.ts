/** ClusterTrustBundle hands trust anchors to whoever asks, of one signer or of nobody in particular; the version that is stored. @module */
import type { UnservedKind } from "../../beta-kinds.ts";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import type { ClusterTrustBundle } from "./types.gen.ts";
import { validateClusterTrustBundle, validateClusterTrustBundleUpdate } from "./validation.ts";
import type { Kind } from "#apimachinery";

export const ClusterTrustBundles: Kind<ClusterTrustBundle> & Pick<UnservedKind, "servedByDefault"> = {
  group: "certificates.k8s.io",
  version: "v1beta1",
  kind: "ClusterTrustBundle",
  names: { plural: "clustertrustbundles", singular: "clustertrustbundle" },
  scope: "Cluster",
  subresources: [],
  servedByDefault: false,
  deprecated: {
    since: "1.37",
    replacement: { group: "certificates.k8s.io", version: "v1", kind: "ClusterTrustBundle" },
  },
  // `signer:name`, which validation knows more about.
  nameRule: "path-segment",
  validate: validateClusterTrustBundle,
  validateUpdate: validateClusterTrustBundleUpdate,
  strategy: { allowUnconditionalUpdate: false },
  selectableFields: { "spec.signerName": (bundle) => bundle.spec.signerName ?? "" },
  columns: [nameColumn, text("SignerName", (bundle) => bundle.spec.signerName || "<none>"), ageColumn],
};
