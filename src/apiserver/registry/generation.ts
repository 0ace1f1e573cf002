/** When `metadata.generation` grows: for kinds that have one, with every change of what the user asks for. @module */
import { jsonEqual, type KubeObject } from "#apimachinery";

/** Resources whose generation upstream does not manage. */
const WITHOUT_GENERATION: ReadonlySet<string> = new Set([
  "core/bindings",
  "core/componentstatuses",
  "core/configmaps",
  "core/endpoints",
  "core/events",
  "core/limitranges",
  "core/namespaces",
  "core/nodes",
  "core/persistentvolumeclaims",
  "core/persistentvolumes",
  "core/resourcequotas",
  "core/secrets",
  "core/serviceaccounts",
  "core/services",
  "apps/controllerrevisions",
  "autoscaling/horizontalpodautoscalers",
  "certificates.k8s.io/certificatesigningrequests",
  "coordination.k8s.io/leases",
  "rbac.authorization.k8s.io/clusterrolebindings",
  "rbac.authorization.k8s.io/clusterroles",
  "rbac.authorization.k8s.io/rolebindings",
  "rbac.authorization.k8s.io/roles",
  "storage.k8s.io/csidrivers",
  "storage.k8s.io/csinodes",
  "storage.k8s.io/csistoragecapacities",
  "storage.k8s.io/storageclasses",
  "storage.k8s.io/volumeattachments",
  "storage.k8s.io/volumeattributesclasses",
  "apiregistration.k8s.io/apiservices",
  "certificates.k8s.io/clustertrustbundles",
  "certificates.k8s.io/podcertificaterequests",
  "coordination.k8s.io/leasecandidates",
  "internal.apiserver.k8s.io/storageversions",
  "resource.k8s.io/resourceclaims",
  "resource.k8s.io/resourceclaimtemplates",
  "scheduling.k8s.io/podgroups",
  "scheduling.k8s.io/priorityclasses",
  "scheduling.k8s.io/workloads",
  "storagemigration.k8s.io/storageversionmigrations",
  "node.k8s.io/runtimeclasses",
  "networking.k8s.io/ipaddresses",
  "networking.k8s.io/servicecidrs",
]);

export function hasGeneration(resource: string): boolean {
  return !WITHOUT_GENERATION.has(resource);
}

/** True if anything besides `metadata` and `status` differs, and for Deployments the annotations; kinds whose status has no writers of its own count it in. */
export function isDesireChanged(object: KubeObject, old: KubeObject, hasStatus = true): boolean {
  if (!hasStatus && !jsonEqual(statusOf(object), statusOf(old))) return true;
  // Annotations of Deployments are copied to their ReplicaSets.
  const counts = object.kind === "Deployment";
  if (counts && !jsonEqual(object.metadata.annotations, old.metadata.annotations)) return true;
  return !jsonEqual(desireOf(object), desireOf(old));
}

function statusOf(object: KubeObject): unknown {
  return (object as KubeObject & { status?: unknown }).status;
}

function desireOf(object: KubeObject): unknown {
  const {
    metadata: _metadata,
    status: _status,
    apiVersion: _apiVersion,
    kind: _kind,
    ...desire
  } = object as KubeObject & { status?: unknown };
  return desire;
}
