/** Every stable built-in kind, groups in the order in which discovery names them: an ambiguous name means the first. @module */
import type { Kind } from "#apimachinery";
import { Bindings } from "./core/v1/binding.ts";
import { ComponentStatuses } from "./core/v1/componentstatus.ts";
import { ConfigMaps } from "./core/v1/configmap.ts";
import { Endpoints } from "./core/v1/endpoints.ts";
import { Events } from "./core/v1/event.ts";
import { LimitRanges } from "./core/v1/limitrange.ts";
import { Namespaces } from "./core/v1/namespace.ts";
import { Nodes } from "./core/v1/node.ts";
import { PersistentVolumeClaims } from "./core/v1/persistentvolumeclaim.ts";
import { PersistentVolumes } from "./core/v1/persistentvolume.ts";
import { Pods } from "./core/v1/pod.ts";
import { PodTemplates } from "./core/v1/podtemplate.ts";
import { ReplicationControllers } from "./core/v1/replicationcontroller.ts";
import { ResourceQuotas } from "./core/v1/resourcequota.ts";
import { Secrets } from "./core/v1/secret.ts";
import { ServiceAccounts } from "./core/v1/serviceaccount.ts";
import { Services } from "./core/v1/service.ts";
import { APIServices } from "./apiregistration/v1/apiservice.ts";
import { ControllerRevisions } from "./apps/v1/controllerrevision.ts";
import { DaemonSets } from "./apps/v1/daemonset.ts";
import { Deployments } from "./apps/v1/deployment.ts";
import { ReplicaSets } from "./apps/v1/replicaset.ts";
import { StatefulSets } from "./apps/v1/statefulset.ts";
import { Events as EventsV1 } from "./events/v1/event.ts";
import { SelfSubjectReviews } from "./authentication/v1/selfsubjectreview.ts";
import { TokenReviews } from "./authentication/v1/tokenreview.ts";
import { LocalSubjectAccessReviews } from "./authorization/v1/localsubjectaccessreview.ts";
import { SelfSubjectAccessReviews } from "./authorization/v1/selfsubjectaccessreview.ts";
import { SelfSubjectRulesReviews } from "./authorization/v1/selfsubjectrulesreview.ts";
import { SubjectAccessReviews } from "./authorization/v1/subjectaccessreview.ts";
import { HorizontalPodAutoscalers } from "./autoscaling/v2/horizontalpodautoscaler.ts";
import { HorizontalPodAutoscalers as HorizontalPodAutoscalersV1 } from "./autoscaling/v1/horizontalpodautoscaler.ts";
import { CronJobs } from "./batch/v1/cronjob.ts";
import { Jobs } from "./batch/v1/job.ts";
import { CertificateSigningRequests } from "./certificates/v1/certificatesigningrequest.ts";
import { ClusterTrustBundles } from "./certificates/v1/clustertrustbundle.ts";
import { PodCertificateRequests } from "./certificates/v1/podcertificaterequest.ts";
import { Ingresses } from "./networking/v1/ingress.ts";
import { IngressClasses } from "./networking/v1/ingressclass.ts";
import { IPAddresses } from "./networking/v1/ipaddress.ts";
import { NetworkPolicies } from "./networking/v1/networkpolicy.ts";
import { ServiceCIDRs } from "./networking/v1/servicecidr.ts";
import { PodDisruptionBudgets } from "./policy/v1/poddisruptionbudget.ts";
import { ClusterRoleBindings } from "./rbac/v1/clusterrolebinding.ts";
import { ClusterRoles } from "./rbac/v1/clusterrole.ts";
import { RoleBindings } from "./rbac/v1/rolebinding.ts";
import { Roles } from "./rbac/v1/role.ts";
import { CSIDrivers } from "./storage/v1/csidriver.ts";
import { CSINodes } from "./storage/v1/csinode.ts";
import { CSIStorageCapacities } from "./storage/v1/csistoragecapacity.ts";
import { StorageClasses } from "./storage/v1/storageclass.ts";
import { VolumeAttachments } from "./storage/v1/volumeattachment.ts";
import { VolumeAttributesClasses } from "./storage/v1/volumeattributesclass.ts";
import { MutatingAdmissionPolicies } from "./admissionregistration/v1/mutatingadmissionpolicy.ts";
import { MutatingAdmissionPolicyBindings } from "./admissionregistration/v1/mutatingadmissionpolicybinding.ts";
import { MutatingWebhookConfigurations } from "./admissionregistration/v1/mutatingwebhookconfiguration.ts";
import { ValidatingAdmissionPolicies } from "./admissionregistration/v1/validatingadmissionpolicy.ts";
import { ValidatingAdmissionPolicyBindings } from "./admissionregistration/v1/validatingadmissionpolicybinding.ts";
import { ValidatingWebhookConfigurations } from "./admissionregistration/v1/validatingwebhookconfiguration.ts";
import { CustomResourceDefinitions } from "./apiextensions/v1/customresourcedefinition.ts";
import { PriorityClasses } from "./scheduling/v1/priorityclass.ts";
import { Leases } from "./coordination/v1/lease.ts";
import { RuntimeClasses } from "./node/v1/runtimeclass.ts";
import { EndpointSlices } from "./discovery/v1/endpointslice.ts";
import { DeviceClasses } from "./resource/v1/deviceclass.ts";
import { DeviceTaintRules } from "./resource/v1/devicetaintrule.ts";
import { ResourceClaims } from "./resource/v1/resourceclaim.ts";
import { ResourceClaimTemplates } from "./resource/v1/resourceclaimtemplate.ts";
import { ResourceSlices } from "./resource/v1/resourceslice.ts";
import { FlowSchemas } from "./flowcontrol/v1/flowschema.ts";
import { PriorityLevelConfigurations } from "./flowcontrol/v1/prioritylevelconfiguration.ts";
import { StorageVersionMigrations } from "./storagemigration/v1/storageversionmigration.ts";

/** A `Kind<Pod>` is written for pods and used for any object that says it is one; the scheme keeps the two together. */
export const builtinKinds: readonly Kind[] = [
  // core/v1
  Bindings,
  ComponentStatuses,
  ConfigMaps,
  Endpoints,
  Events,
  LimitRanges,
  Namespaces,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  PodTemplates,
  ReplicationControllers,
  ResourceQuotas,
  Secrets,
  ServiceAccounts,
  Services,
  // apiregistration/v1
  APIServices,
  // apps/v1
  ControllerRevisions,
  DaemonSets,
  Deployments,
  ReplicaSets,
  StatefulSets,
  // events/v1
  EventsV1,
  // authentication/v1
  SelfSubjectReviews,
  TokenReviews,
  // authorization/v1
  LocalSubjectAccessReviews,
  SelfSubjectAccessReviews,
  SelfSubjectRulesReviews,
  SubjectAccessReviews,
  // autoscaling/v2
  HorizontalPodAutoscalers,
  // autoscaling/v1
  HorizontalPodAutoscalersV1,
  // batch/v1
  CronJobs,
  Jobs,
  // certificates/v1
  CertificateSigningRequests,
  ClusterTrustBundles,
  PodCertificateRequests,
  // networking/v1
  Ingresses,
  IngressClasses,
  IPAddresses,
  NetworkPolicies,
  ServiceCIDRs,
  // policy/v1
  PodDisruptionBudgets,
  // rbac/v1
  ClusterRoleBindings,
  ClusterRoles,
  RoleBindings,
  Roles,
  // storage/v1
  CSIDrivers,
  CSINodes,
  CSIStorageCapacities,
  StorageClasses,
  VolumeAttachments,
  VolumeAttributesClasses,
  // admissionregistration/v1
  MutatingAdmissionPolicies,
  MutatingAdmissionPolicyBindings,
  MutatingWebhookConfigurations,
  ValidatingAdmissionPolicies,
  ValidatingAdmissionPolicyBindings,
  ValidatingWebhookConfigurations,
  // apiextensions/v1
  CustomResourceDefinitions,
  // scheduling/v1
  PriorityClasses,
  // coordination/v1
  Leases,
  // node/v1
  RuntimeClasses,
  // discovery/v1
  EndpointSlices,
  // resource/v1
  DeviceClasses,
  DeviceTaintRules,
  ResourceClaims,
  ResourceClaimTemplates,
  ResourceSlices,
  // flowcontrol/v1
  FlowSchemas,
  PriorityLevelConfigurations,
  // storagemigration/v1
  StorageVersionMigrations,
] as readonly unknown[] as readonly Kind[];
