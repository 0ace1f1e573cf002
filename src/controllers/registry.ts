/** Which controllers exist, and which of them a set of options asks for. @module */
import type { EventRecorder } from "#client";
import type { Controller, ControllerContext } from "#controller-runtime";
import { absentAmong, isAbsent } from "./absent-controllers.ts";
import { attachDetachController } from "./attach-detach/attach-detach-controller.ts";
import { canonicalName } from "./controller-aliases.ts";
import { bootstrapSignerController } from "./bootstrap/bootstrap-signer-controller.ts";
import { tokenCleanerController } from "./bootstrap/token-cleaner-controller.ts";
import {
  csrApprovingController,
  nodeComponentApprovingController,
} from "./certificates/approving-controller.ts";
import { csrCleanerController } from "./certificates/cleaner-controller.ts";
import { podCertificateRequestCleanerController } from "./certificates/podcertificaterequest-cleaner-controller.ts";
import { csrSigningController } from "./certificates/signing-controller.ts";
import { trustBundlePublisherController } from "./certificates/trust-bundle-publisher-controller.ts";
import { clusterRoleAggregationController } from "./clusterrole-aggregation/clusterrole-aggregation-controller.ts";
import { cronJobController } from "./cronjob/cronjob-controller.ts";
import { daemonSetController } from "./daemonset/daemonset-controller.ts";
import { deploymentController } from "./deployment/deployment-controller.ts";
import { deviceTaintEvictionController } from "./device-taint-eviction/device-taint-eviction-controller.ts";
import { deviceTaintRuleController } from "./device-taint-eviction/device-taint-rule-controller.ts";
import { RuleEvictions } from "./device-taint-eviction/rule-evictions.ts";
import { disruptionController } from "./disruption/disruption-controller.ts";
import { staleDisruptionController } from "./disruption/stale-condition.ts";
import { endpointSliceMirroringController } from "./endpointslice-mirroring/endpointslice-mirroring-controller.ts";
import { endpointSliceController } from "./endpointslice/endpointslice-controller.ts";
import { endpointsController } from "./endpoints/endpoints-controller.ts";
import { ephemeralVolumeController } from "./ephemeral-volume/ephemeral-volume-controller.ts";
import { garbageCollectorController } from "./garbagecollector/garbage-collector-controller.ts";
import { horizontalPodAutoscalerController } from "./horizontal-pod-autoscaler/horizontal-pod-autoscaler-controller.ts";
import { jobController } from "./job/job-controller.ts";
import { jobOrphanPodController } from "./job/orphan-pod-controller.ts";
import { localPathProvisionerController } from "./local-path-provisioner/local-path-provisioner-controller.ts";
import { namespaceController } from "./namespace/namespace-controller.ts";
import { nodeIpamController } from "./node-ipam/node-ipam-controller.ts";
import { nodeLifecycleController } from "./node-lifecycle/node-lifecycle-controller.ts";
import type { ControllerInit, ControllerOptions } from "./options.ts";
import { persistentVolumeBinderController } from "./persistentvolume-binder/persistentvolume-binder-controller.ts";
import { podGarbageCollectorController } from "./pod-garbage-collector/pod-garbage-collector-controller.ts";
import { replicaSetController } from "./replicaset/replicaset-controller.ts";
import { replicationControllerController } from "./replicationcontroller/replicationcontroller-controller.ts";
import { queueNameOf } from "./queue-names.ts";
import { podResourceClaimsController } from "./resourceclaim/pod-claims-controller.ts";
import { resourceClaimController } from "./resourceclaim/resourceclaim-controller.ts";
import { resourceQuotaController } from "./resourcequota/resourcequota-controller.ts";
import { rootCACertificatePublisherController } from "./root-ca-certificate-publisher/root-ca-certificate-publisher-controller.ts";
import { serviceAccountOf } from "./service-accounts.ts";
import { legacyServiceAccountTokenCleanerController } from "./legacy-serviceaccount-token-cleaner/legacy-serviceaccount-token-cleaner-controller.ts";
import { serviceAccountTokenController } from "./serviceaccount-token/serviceaccount-token-controller.ts";
import { serviceAccountController } from "./serviceaccount/serviceaccount-controller.ts";
import { serviceCIDRsController } from "./servicecidrs/servicecidrs-controller.ts";
import { parseAddressPool } from "./service-loadbalancer/address-pool.ts";
import { serviceLoadBalancerController } from "./service-loadbalancer/service-loadbalancer-controller.ts";
import { statefulSetController } from "./statefulset/statefulset-controller.ts";
import { storageVersionMigratorController } from "./storage-version-migrator/storage-version-migrator-controller.ts";
import { taintEvictionController } from "./taint-eviction/taint-eviction-controller.ts";
import { ttlController } from "./ttl/ttl-controller.ts";
import { ttlAfterFinishedController } from "./ttl-after-finished/ttl-after-finished-controller.ts";
import { volumeExpandController } from "./volume-expand/volume-expand-controller.ts";
import { validatingAdmissionPolicyStatusController } from "./validatingadmissionpolicy-status/validatingadmissionpolicy-status-controller.ts";

import {
  persistentVolumeClaimProtectionController,
  persistentVolumeProtectionController,
} from "./volume-protection/volume-protection-controllers.ts";
import { volumeAttributesClassProtectionController } from "./volume-protection/volumeattributesclass-protection-controller.ts";

/** Names are those of `kube-controller-manager --controllers`. */
export const controllers: Readonly<Record<string, ControllerInit>> = {
  "namespace-controller": (context) => namespaceController(context),
  "serviceaccount-controller": (context) => serviceAccountController(context),
  "serviceaccount-token-controller": (context, { signLegacyToken: signToken, rootCA }) =>
    signToken === undefined
      ? undefined
      : serviceAccountTokenController(context, { signToken, ...(rootCA !== undefined && { rootCA }) }),
  "legacy-serviceaccount-token-cleaner-controller": (context) =>
    legacyServiceAccountTokenCleanerController(context),
  "root-ca-certificate-publisher-controller": (context, { rootCA }) =>
    rootCA === undefined ? undefined : rootCACertificatePublisherController(context, rootCA),
  "deployment-controller": (context) => deploymentController(context),
  "replicaset-controller": (context) => replicaSetController(context),
  "replicationcontroller-controller": (context) => replicationControllerController(context),
  "daemonset-controller": (context) => daemonSetController(context),
  "statefulset-controller": (context) => statefulSetController(context),
  "job-controller": (context) => [jobController(context), jobOrphanPodController(context)],
  "cronjob-controller": (context) => cronJobController(context),
  "ttl-after-finished-controller": (context) => ttlAfterFinishedController(context),
  "horizontal-pod-autoscaler-controller": (context) => horizontalPodAutoscalerController(context),
  "disruption-controller": (context) => [disruptionController(context), staleDisruptionController(context)],
  "endpointslice-controller": (context, { maxEndpointsPerSlice }) =>
    endpointSliceController(context, maxEndpointsPerSlice),
  "endpoints-controller": (context) => endpointsController(context),
  "endpointslice-mirroring-controller": (context) => endpointSliceMirroringController(context),
  "service-lb-controller": (context, { serviceLoadBalancerRange = "" }) =>
    serviceLoadBalancerRange === ""
      ? undefined
      : serviceLoadBalancerController(context, parseAddressPool(serviceLoadBalancerRange)),
  "service-cidr-controller": (context) => serviceCIDRsController(context),
  "storage-version-migrator-controller": (context) => storageVersionMigratorController(context),
  "resourcequota-controller": (context) => resourceQuotaController(context),
  "persistentvolume-binder-controller": (context) => persistentVolumeBinderController(context),
  "persistentvolume-attach-detach-controller": (context) => attachDetachController(context),
  "persistentvolume-expander-controller": (context) => volumeExpandController(context),
  "ephemeral-volume-controller": (context) => ephemeralVolumeController(context),
  "resourceclaim-controller": (context) => [
    resourceClaimController(context),
    podResourceClaimsController(context),
  ],
  "device-taint-eviction-controller": (context) => {
    const evictions = new RuleEvictions();
    return [deviceTaintEvictionController(context, evictions), deviceTaintRuleController(context, evictions)];
  },
  "persistentvolumeclaim-protection-controller": (context) =>
    persistentVolumeClaimProtectionController(context),
  "persistentvolume-protection-controller": (context) => persistentVolumeProtectionController(context),
  "volumeattributesclass-protection-controller": (context) =>
    volumeAttributesClassProtectionController(context),
  "local-path-provisioner-controller": (context) => localPathProvisionerController(context),
  "certificatesigningrequest-approving-controller": (context) => csrApprovingController(context),
  "node-component-csr-approving-controller": (context) => nodeComponentApprovingController(context),
  "certificatesigningrequest-signing-controller": (context, { clusterSigning }) =>
    clusterSigning === undefined ? undefined : csrSigningController(context, clusterSigning),
  "certificatesigningrequest-cleaner-controller": (context) => csrCleanerController(context),
  "podcertificaterequest-cleaner-controller": (context) => podCertificateRequestCleanerController(context),
  "kube-apiserver-serving-clustertrustbundle-publisher-controller": (context, { rootCA }) =>
    rootCA === undefined ? undefined : trustBundlePublisherController(context, rootCA),
  "bootstrap-signer-controller": (context) => bootstrapSignerController(context),
  "token-cleaner-controller": (context) => tokenCleanerController(context),
  "validatingadmissionpolicy-status-controller": (context) =>
    validatingAdmissionPolicyStatusController(context),
  "clusterrole-aggregation-controller": (context) => clusterRoleAggregationController(context),
  "garbage-collector-controller": (context) => garbageCollectorController(context),
  "node-lifecycle-controller": (context, options) => nodeLifecycleController(context, options),
  "taint-eviction-controller": (context) => taintEvictionController(context),
  "ttl-controller": (context) => ttlController(context),
  "node-ipam-controller": newNodeIpam,
  "pod-garbage-collector-controller": (context, { terminatedPodGCThreshold }) =>
    podGarbageCollectorController(context, terminatedPodGCThreshold),
};

export const controllerNames: readonly string[] = Object.keys(controllers);

/** Run only when they are named, as upstream: only clusters that nodes join by token need them. */
export const offByDefault: readonly string[] = [
  "bootstrap-signer-controller",
  "token-cleaner-controller",
  "node-component-csr-approving-controller",
];

/** The controllers that `options` ask for, constructed. Throws on a name that does not exist. */
export function newControllers(
  context: ControllerContext,
  options: ControllerOptions = {},
): readonly Controller[] {
  const { names = ["*"] } = options;
  const selected = selectControllers(names);
  for (const [controller, why] of absentAmong(names.map(canonicalName)))
    context.logger.warn("A controller that was asked for does not exist here", { controller, why });
  return selected.flatMap((name) => construct(name, context, options));
}

/** Each writes its events in its own name, which the controller tells only once it is made. */
function construct(
  name: string,
  context: ControllerContext,
  options: ControllerOptions,
): readonly Controller[] {
  let component = name;
  const recorder: EventRecorder = {
    event: (about, type, reason, message, event = {}) =>
      context.recorder.event(about, type, reason, message, { component, ...event }),
  };
  const logger = context.logger.child({ controller: name });
  const account = serviceAccountOf(name);
  const client = account === undefined ? context.client : (options.clientFor?.(account) ?? context.client);
  const made = controllers[name]!({ ...context, client, recorder, logger }, options);
  const [controller, ...others] = made === undefined ? [] : [made].flat();
  if (controller === undefined) return [];
  component = controller.eventSource ?? name;
  const workers = options.concurrentSyncs?.[name] ?? SYNCS[name];
  const first = workers === undefined ? controller : { ...controller, workers };
  return [first, ...others].map((one) => ({ ...one, queueName: queueNameOf(one.name) }));
}

/** Upstream's defaults of `--concurrent-*-syncs` where they are not the 5 of a manager's controller. */
const SYNCS: Readonly<Record<string, number>> = {
  "daemonset-controller": 2,
  "device-taint-eviction-controller": 8,
  "garbage-collector-controller": 20,
  "namespace-controller": 10,
  "resourceclaim-controller": 50,
  "service-lb-controller": 1,
};

function newNodeIpam(context: ControllerContext, options: ControllerOptions): Controller | undefined {
  const { allocateNodeCIDRs = false, clusterCIDR = "", serviceCIDR = "" } = options;
  if (!allocateNodeCIDRs || clusterCIDR === "") return undefined;
  return nodeIpamController(context, {
    clusterCIDRs: rangesOfFlag(clusterCIDR),
    serviceCIDRs: rangesOfFlag(serviceCIDR),
    maskSizeIPv4: options.nodeCIDRMaskSizeIPv4 ?? 24,
    maskSizeIPv6: options.nodeCIDRMaskSizeIPv6 ?? 64,
  });
}

function rangesOfFlag(flag: string): readonly string[] {
  return flag === "" ? [] : flag.split(",").map((part) => part.trim());
}

function isKnown(name: string): boolean {
  return controllerNames.includes(name) || isAbsent(name);
}

/** Resolves `*`, names and `-names` as upstream: of what is said of one controller the first counts, and anything before `*`. */
export function selectControllers(names: readonly string[]): readonly string[] {
  const choices = names.map(canonicalName);
  const unknown = choices.find((name) => name !== "*" && !isKnown(name.replace(/^-/, "")));
  if (unknown !== undefined) {
    throw new RangeError(
      `Controller ${JSON.stringify(unknown.replace(/^-/, ""))} is not in the list of known controllers`,
    );
  }
  const all = choices.includes("*");
  return controllerNames.filter((name) => {
    const choice = choices.find((one) => one === name || one === `-${name}`);
    return choice === undefined ? all && !offByDefault.includes(name) : choice === name;
  });
}
