/**
 * Kinds that v1.37 serves in a stable version, and we do too (ADR 0008). They are stored in the version that v1.36 has, as
 * upstream does in the first release, whether or not that version is served.
 * @module
 */
import type { Kind } from "#apimachinery";
import { ClusterTrustBundles } from "./certificates/v1beta1/clustertrustbundle.ts";
import { PodCertificateRequests } from "./certificates/v1beta1/podcertificaterequest.ts";
import { DeviceTaintRules } from "./resource/v1beta2/devicetaintrule.ts";
import { StorageVersionMigrations } from "./storagemigration/v1beta1/storageversionmigration.ts";

interface BetaKind extends Kind {
  readonly servedByDefault: false;
}

/** As they are stored. */
export const graduatedKinds: readonly BetaKind[] = [
  ClusterTrustBundles,
  PodCertificateRequests,
  DeviceTaintRules,
  StorageVersionMigrations,
] as readonly unknown[] as readonly BetaKind[];
