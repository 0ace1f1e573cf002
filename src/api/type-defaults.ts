/**
 * Defaults that belong to a type wherever it stands, as a probe in a pod or in a template. Constant ones are a table;
 * those marked `+default` upstream are in the facts already.
 * @module
 */
import { ephemeralOrContainerDefaults, volumeDefaults } from "./core/v1/container-defaults.ts";

type Fields = Readonly<Record<string, unknown>>;

const FILE_MODE = 0o644;
const WEBHOOK_TIMEOUT_SECONDS = 10;
const HTTPS_PORT = 443;
const EVERYTHING = {};

const WEBHOOK: Fields = {
  failurePolicy: "Fail",
  matchPolicy: "Equivalent",
  namespaceSelector: EVERYTHING,
  objectSelector: EVERYTHING,
  timeoutSeconds: WEBHOOK_TIMEOUT_SECONDS,
};
const MATCH_RESOURCES: Fields = {
  matchPolicy: "Equivalent",
  namespaceSelector: EVERYTHING,
  objectSelector: EVERYTHING,
};

/** `folder#Type` -> field -> value. */
export const constantTypeDefaults: Readonly<Record<string, Fields>> = {
  "core/v1#PodSpec": {
    dnsPolicy: "ClusterFirst",
    restartPolicy: "Always",
    securityContext: {},
    terminationGracePeriodSeconds: 30,
    schedulerName: "default-scheduler",
  },
  "core/v1#Container": { terminationMessagePath: "/dev/termination-log", terminationMessagePolicy: "File" },
  "core/v1#EphemeralContainer": {
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
  },
  "core/v1#Probe": { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
  "core/v1#GRPCAction": { service: "" },
  "core/v1#HTTPGetAction": { path: "/", scheme: "HTTP" },
  "core/v1#SecretVolumeSource": { defaultMode: FILE_MODE },
  "core/v1#ConfigMapVolumeSource": { defaultMode: FILE_MODE },
  "core/v1#DownwardAPIVolumeSource": { defaultMode: FILE_MODE },
  "core/v1#ProjectedVolumeSource": { defaultMode: FILE_MODE },
  "core/v1#ServiceAccountTokenProjection": { expirationSeconds: 3600 },
  "core/v1#HostPathVolumeSource": { type: "" },
  "core/v1#ObjectFieldSelector": { apiVersion: "v1" },
  "core/v1#PersistentVolumeClaimSpec": { volumeMode: "Filesystem" },
  "core/v1#PersistentVolumeSpec": { persistentVolumeReclaimPolicy: "Retain", volumeMode: "Filesystem" },
  "core/v1#PersistentVolumeStatus": { phase: "Pending" },
  "core/v1#NamespaceStatus": { phase: "Active" },
  "core/v1#EndpointPort": { protocol: "TCP" },
  "batch/v1#PodFailurePolicyOnPodConditionsPattern": { status: "True" },
  "networking/v1#NetworkPolicyPort": { protocol: "TCP" },
  "discovery/v1#EndpointPort": { name: "", protocol: "TCP" },
  "scheduling/v1#PriorityClass": { preemptionPolicy: "PreemptLowerPriority" },
  "admissionregistration/v1#ValidatingWebhook": WEBHOOK,
  "admissionregistration/v1#MutatingWebhook": { ...WEBHOOK, reinvocationPolicy: "Never" },
  "admissionregistration/v1#RuleWithOperations": { scope: "*" },
  "admissionregistration/v1#NamedRuleWithOperations": { scope: "*" },
  "admissionregistration/v1#ServiceReference": { port: HTTPS_PORT },
  "admissionregistration/v1#ValidatingAdmissionPolicySpec": { failurePolicy: "Fail" },
  "admissionregistration/v1#MutatingAdmissionPolicySpec": { failurePolicy: "Fail" },
  "admissionregistration/v1#MatchResources": MATCH_RESOURCES,
  "admissionregistration/v1beta1#NamedRuleWithOperations": { scope: "*" },
  "admissionregistration/v1beta1#MutatingAdmissionPolicySpec": { failurePolicy: "Fail" },
  "admissionregistration/v1beta1#MatchResources": MATCH_RESOURCES,
  "admissionregistration/v1alpha1#NamedRuleWithOperations": { scope: "*" },
  "admissionregistration/v1alpha1#MutatingAdmissionPolicySpec": { failurePolicy: "Fail" },
  "admissionregistration/v1alpha1#MatchResources": MATCH_RESOURCES,
  "apiextensions/v1#ServiceReference": { port: HTTPS_PORT },
  "apiregistration/v1#ServiceReference": { port: HTTPS_PORT },
  "flowcontrol/v1#FlowSchemaSpec": { matchingPrecedence: 1000 },
  "flowcontrol/v1#ExemptPriorityLevelConfiguration": { nominalConcurrencyShares: 0, lendablePercent: 0 },
  "flowcontrol/v1#LimitedPriorityLevelConfiguration": { nominalConcurrencyShares: 30, lendablePercent: 0 },
  "flowcontrol/v1#QueuingConfiguration": { handSize: 8, queues: 64, queueLengthLimit: 50 },
};

/** `folder#Type` -> the value with what depends on its other fields. Returns the same value if nothing was missing. */
export const computedTypeDefaults: Readonly<Record<string, (value: Fields) => Fields>> = {
  "core/v1#Container": ephemeralOrContainerDefaults,
  "core/v1#EphemeralContainer": ephemeralOrContainerDefaults,
  "core/v1#Volume": volumeDefaults,
  "core/v1#PersistentVolumeClaim": (pvc) => {
    const status = pvc["status"] as Fields | undefined;
    return status?.["phase"] ? pvc : { ...pvc, status: { ...status, phase: "Pending" } };
  },
  "core/v1#NodeStatus": (status) =>
    status["capacity"] !== undefined && status["allocatable"] === undefined
      ? { ...status, allocatable: status["capacity"] }
      : status,
  "core/v1#LimitRangeItem": limitRangeItem,
  "rbac/v1#Subject": (subject) =>
    !subject["apiGroup"] && (subject["kind"] === "User" || subject["kind"] === "Group")
      ? { ...subject, apiGroup: "rbac.authorization.k8s.io" }
      : subject,
  "resource/v1#ExactDeviceRequest": deviceCount,
  "resource/v1#DeviceSubRequest": deviceCount,
  "resource/v1beta2#ExactDeviceRequest": deviceCount,
  "resource/v1beta2#DeviceSubRequest": deviceCount,
};

/** A container's default is its maximum, and its default request the default or else the minimum. */
function limitRangeItem(item: Fields): Fields {
  if (item["type"] !== "Container") return item;
  const list = (name: string): Fields => (item[name] as Fields | undefined) ?? {};
  const limits = { ...list("max"), ...list("default") };
  const requests = { ...list("min"), ...limits, ...list("defaultRequest") };
  const nonEmpty = (fields: Fields): boolean => Object.keys(fields).length > 0;
  return {
    ...item,
    ...(nonEmpty(limits) && { default: limits }),
    ...(nonEmpty(requests) && { defaultRequest: requests }),
  };
}

function deviceCount(request: Fields): Fields {
  const mode = request["allocationMode"] || "ExactCount";
  const needsCount = mode === "ExactCount" && !request["count"];
  return { ...request, allocationMode: mode, ...(needsCount && { count: 1 }) };
}
