/** Conversions between served versions of the same object; one of them is the stored one. @module */
import type { GroupVersionKind, KubeObject } from "#apimachinery";
import { toV1, toV2 } from "./autoscaling/v1/conversion.ts";
import { fromBeta, toBeta } from "./certificates/v1/podcertificaterequest-conversion.ts";
import { fromCore, toCore } from "./events/v1/conversion.ts";

export interface Conversion {
  readonly served: GroupVersionKind;
  readonly stored: GroupVersionKind;
  readonly toStored: (object: KubeObject) => KubeObject;
  readonly fromStored: (object: KubeObject) => KubeObject;
}

function conversion<A extends KubeObject, B extends KubeObject>(
  served: GroupVersionKind,
  stored: GroupVersionKind,
  toStored: (object: A) => B,
  fromStored: (object: B) => A,
): Conversion {
  return {
    served,
    stored,
    toStored: (object) => toStored(object as A),
    fromStored: (object) => fromStored(object as B),
  };
}

/** Versions that differ in nothing but their name. */
const SAME_SHAPE: readonly (readonly [
  group: string,
  served: string,
  stored: string,
  kinds: readonly string[],
])[] = [
  ["networking.k8s.io", "v1beta1", "v1", ["IPAddress", "ServiceCIDR"]],
  ["storage.k8s.io", "v1beta1", "v1", ["VolumeAttributesClass"]],
  [
    "admissionregistration.k8s.io",
    "v1beta1",
    "v1",
    ["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"],
  ],
  [
    "admissionregistration.k8s.io",
    "v1alpha1",
    "v1",
    ["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"],
  ],
  [
    "resource.k8s.io",
    "v1beta2",
    "v1",
    ["DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"],
  ],
  ["certificates.k8s.io", "v1alpha1", "v1beta1", ["ClusterTrustBundle"]],
  ["certificates.k8s.io", "v1", "v1beta1", ["ClusterTrustBundle"]],
  ["resource.k8s.io", "v1", "v1beta2", ["DeviceTaintRule"]],
  ["resource.k8s.io", "v1alpha3", "v1beta2", ["DeviceTaintRule"]],
  ["storagemigration.k8s.io", "v1", "v1beta1", ["StorageVersionMigration"]],
  ["coordination.k8s.io", "v1alpha2", "v1beta1", ["LeaseCandidate"]],
];

export const conversions: readonly Conversion[] = [
  conversion(
    { group: "autoscaling", version: "v1", kind: "HorizontalPodAutoscaler" },
    { group: "autoscaling", version: "v2", kind: "HorizontalPodAutoscaler" },
    toV2,
    toV1,
  ),
  conversion(
    { group: "events.k8s.io", version: "v1", kind: "Event" },
    { group: "", version: "v1", kind: "Event" },
    toCore,
    fromCore,
  ),
  conversion(
    { group: "certificates.k8s.io", version: "v1", kind: "PodCertificateRequest" },
    { group: "certificates.k8s.io", version: "v1beta1", kind: "PodCertificateRequest" },
    toBeta,
    fromBeta,
  ),
  ...SAME_SHAPE.flatMap(([group, served, stored, kinds]) =>
    kinds.map((kind) => relabelling({ group, version: served, kind }, { group, version: stored, kind })),
  ),
];

function relabelling(served: GroupVersionKind, stored: GroupVersionKind): Conversion {
  return {
    served,
    stored,
    toStored: (object) => ({ ...object, apiVersion: `${stored.group}/${stored.version}` }),
    fromStored: (object) => ({ ...object, apiVersion: `${served.group}/${served.version}` }),
  };
}
