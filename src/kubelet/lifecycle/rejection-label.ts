/** A reason of rejection as the label of a metric: few values, whatever resources and plugins there are. @module */

const KNOWN: ReadonlySet<string> = new Set([
  "AppArmor",
  "PodOSSelectorNodeLabelDoesNotMatch",
  "PodOSNotSupported",
  "InvalidNodeInfo",
  "InitContainerRestartPolicyForbidden",
  "SupplementalGroupsPolicyNotSupported",
  "UnexpectedAdmissionError",
  "UnknownReason",
  "UnexpectedPredicateFailureType",
  "OutOfcpu",
  "OutOfmemory",
  "OutOfephemeral-storage",
  "OutOfpods",
  "PodLevelResourcesNotSupported",
  "PodFeatureUnsupported",
  "Evicted",
  "SysctlForbidden",
  "TopologyAffinityError",
  "NodeShutdown",
  "VolumeAttachmentLimitExceeded",
]);

export function rejectionLabel(reason: string): string {
  if (KNOWN.has(reason)) return reason;
  return reason.startsWith("OutOf") ? "OutOfExtendedResources" : "Other";
}
