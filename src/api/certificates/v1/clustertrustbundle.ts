/** ClusterTrustBundle hands trust anchors to whoever asks, of one signer or of nobody in particular. @module */
import type { Kind } from "#apimachinery";
import { stableVersionOf } from "../../graduated.ts";
import { ClusterTrustBundles as Stored } from "../v1beta1/clustertrustbundle.ts";
import type { ClusterTrustBundle } from "./types.gen.ts";

export const ClusterTrustBundles: Kind<ClusterTrustBundle> = stableVersionOf(Stored);
