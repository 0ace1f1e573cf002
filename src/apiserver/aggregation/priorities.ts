/** Where the server's own groups and versions stand in discovery, as upstream has them. @module */
import { compareVersions } from "#api/version-priority";

export interface Priority {
  /** Of the group; the highest of its versions counts. */
  readonly group: number;
  readonly version: number;
}

/** Nothing comes before the group of the APIServices themselves, which have none of their own. */
const FIRST: Priority = { group: 20_001, version: 0 };
/** Groups that CustomResourceDefinitions add. */
const CUSTOM: Priority = { group: 1000, version: 100 };
const VERSION_DEFAULT = 15;
/** What is not stable comes behind what is. */
const BETA = 9;
const ALPHA = 1;

const GROUPS: Readonly<Record<string, number>> = {
  "": 18_000,
  apps: 17_800,
  "events.k8s.io": 17_750,
  "authentication.k8s.io": 17_700,
  "authorization.k8s.io": 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  "certificates.k8s.io": 17_300,
  "networking.k8s.io": 17_200,
  policy: 17_100,
  "rbac.authorization.k8s.io": 17_000,
  "storage.k8s.io": 16_800,
  "apiextensions.k8s.io": 16_700,
  "admissionregistration.k8s.io": 16_700,
  "scheduling.k8s.io": 16_600,
  "coordination.k8s.io": 16_500,
  "node.k8s.io": 16_300,
  "discovery.k8s.io": 16_200,
  "resource.k8s.io": 16_200,
  "flowcontrol.apiserver.k8s.io": 16_100,
  "internal.apiserver.k8s.io": 16_000,
  "storagemigration.k8s.io": 15_800,
};

const VERSIONS: Readonly<Record<string, number>> = {
  "/v1": 1,
  "autoscaling/v2": 30,
  "admissionregistration.k8s.io/v1beta1": 12,
  "admissionregistration.k8s.io/v1alpha1": 9,
  "coordination.k8s.io/v1beta1": 13,
  "coordination.k8s.io/v1alpha2": 12,
  "discovery.k8s.io/v1beta1": 12,
  "events.k8s.io/v1beta1": 5,
  "flowcontrol.apiserver.k8s.io/v1": 21,
  "flowcontrol.apiserver.k8s.io/v1beta3": 18,
  "internal.apiserver.k8s.io/v1alpha1": 9,
  "resource.k8s.io/v1": 21,
  "resource.k8s.io/v1beta2": 15,
};

/** Of a group-version that this server serves itself; `isCustom`: a CustomResourceDefinition added it. */
export function localPriority(group: string, version: string, isCustom: boolean): Priority {
  if (isCustom) return CUSTOM;
  if (group === "apiregistration.k8s.io") return FIRST;
  const ofGroup = GROUPS[group];
  if (ofGroup === undefined) return CUSTOM;
  return { group: ofGroup, version: VERSIONS[`${group}/${version}`] ?? versionDefault(version) };
}

/** True for the groups that come with the server. */
export function isBuiltinGroup(group: string): boolean {
  return group in GROUPS;
}

function versionDefault(version: string): number {
  if (version.includes("alpha")) return ALPHA;
  return version.includes("beta") ? BETA : VERSION_DEFAULT;
}

/** The order of versions within a group: what is wanted more first, then as Kubernetes compares names. */
export function byVersionPriority(
  a: { readonly version: string; readonly priority: Priority },
  b: { readonly version: string; readonly priority: Priority },
): number {
  return b.priority.version - a.priority.version || compareVersions(a.version, b.version);
}
