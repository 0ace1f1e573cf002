/** The plugins in the order in which they are asked; upstream's `AllOrderedPlugins`. @module */
import type { Clock } from "#apimachinery";
import type { Authorizer } from "../user-info.ts";
import { alwaysAdmit, alwaysDeny } from "./always.ts";
import { alwaysPullImages } from "./always-pull-images.ts";
import { limitPodHardAntiAffinityTopology } from "./anti-affinity.ts";
import {
  certificateApproval,
  certificateSigning,
  certificateSubjectRestriction,
  clusterTrustBundleAttest,
} from "./certificates.ts";
import type { PluginConfigurations } from "./configuration/plugin-configurations.ts";
import { defaultIngressClass } from "./default-ingress-class.ts";
import { defaultTolerationSeconds } from "./default-toleration-seconds.ts";
import { denyServiceExternalIPs } from "./deny-service-external-ips.ts";
import { eventRateLimit } from "./event-rate-limit/event-rate-limit.ts";
import { extendedResourceToleration } from "./extended-resource-toleration.ts";
import { imagePolicyWebhook } from "./image-policy/image-policy.ts";
import { limitRanger } from "./limit-ranger.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { namespaceAutoProvision, namespaceExists } from "./namespace-options.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { taintNodesByCondition } from "./node-taints.ts";
import type { ObjectLookup } from "./object-lookup.ts";
import { ownerReferencesPermissionEnforcement } from "./owner-references.ts";
import type { AdmissionPlugin } from "./plugin.ts";
import { DEFAULT_OFF } from "./plugin-names.ts";
import { podNodeSelector } from "./pod-node-selector.ts";
import { podTolerationRestriction } from "./pod-toleration-restriction/pod-toleration-restriction.ts";
import { podResizeValidator } from "./pod-resize.ts";
import { podTopologyLabels } from "./pod-topology-labels.ts";
import { podSecurity } from "./pod-security/pod-security.ts";
import { expressionCheck } from "./policy/check-expressions.ts";
import { mutatingAdmissionPolicy } from "./policy/mutating.ts";
import type { ParamFacts } from "./policy/params.ts";
import { validatingAdmissionPolicy } from "./policy/validating.ts";
import { priorityAdmission } from "./priority.ts";
import type { QuotaAccess } from "./quota/quota-ledger.ts";
import { resourceQuotaAdmission } from "./quota/resource-quota.ts";
import { runtimeClassAdmission } from "./runtime-class.ts";
import { serviceAccountAdmission } from "./service-account.ts";
import { defaultStorageClass, persistentVolumeClaimResize, storageObjectInUseProtection } from "./storage.ts";
import type { FindCredentials } from "./webhook/credentials.ts";
import type { WebhookOptions } from "./webhook/dispatch.ts";
import { mutatingAdmissionWebhook } from "./webhook/mutating.ts";
import { validatingAdmissionWebhook } from "./webhook/validating.ts";

export interface DefaultPluginsOptions {
  readonly lookup: ObjectLookup;
  readonly quotas: QuotaAccess;
  readonly webhooks: WebhookOptions;
  /** The resource of a kind, as policies name those of their parameters. */
  readonly findKind: ParamFacts["findKind"];
  readonly createNamespace: (name: string) => Promise<void>;
  readonly configurations: PluginConfigurations;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly random: () => number;
  /** Names of plugins that are asked although they are off by default. */
  readonly enabled: readonly string[];
  /** Names of plugins that are left out. */
  readonly disabled: readonly string[];
}

export function defaultPlugins(options: DefaultPluginsOptions): readonly AdmissionPlugin[] {
  const { lookup, quotas, webhooks, findKind, authorizer, clock, random, enabled, disabled } = options;
  const { configurations } = options;
  const policies = { lookup, versionsOf: webhooks.versionsOf, authorizer, findKind };
  const metrics = webhooks.metrics?.podSecurity;
  const all = [
    alwaysAdmit,
    namespaceAutoProvision(lookup, options.createNamespace),
    namespaceLifecycle(lookup),
    namespaceExists(lookup),
    limitPodHardAntiAffinityTopology,
    limitRanger(lookup),
    serviceAccountAdmission({ lookup, clock, random }),
    nodeRestriction(lookup, authorizer),
    taintNodesByCondition,
    alwaysPullImages,
    ...configured(configurations.imagePolicy, (policy) => imagePolicyWebhook(policy, clock)),
    podSecurity({ lookup, clock, metrics, configuration: configurations.podSecurity }),
    podNodeSelector(lookup, configurations.nodeSelectors),
    priorityAdmission(lookup),
    defaultTolerationSeconds,
    podTolerationRestriction(lookup, configurations.tolerations),
    ...configured(configurations.eventLimits, (limits) => eventRateLimit(limits, clock)),
    extendedResourceToleration,
    defaultStorageClass(lookup),
    storageObjectInUseProtection,
    ownerReferencesPermissionEnforcement({ authorizer, findKind }),
    persistentVolumeClaimResize(lookup),
    runtimeClassAdmission(lookup),
    certificateApproval(authorizer),
    certificateSigning(authorizer),
    clusterTrustBundleAttest(authorizer),
    certificateSubjectRestriction,
    defaultIngressClass(lookup),
    denyServiceExternalIPs,
    podTopologyLabels(lookup),
    podResizeValidator(lookup),
    expressionCheck,
    mutatingAdmissionPolicy(policies),
    mutatingAdmissionWebhook({ ...webhooks, ...shown(configurations.mutatingWebhook) }),
    validatingAdmissionPolicy(policies),
    validatingAdmissionWebhook({ ...webhooks, ...shown(configurations.validatingWebhook) }),
    resourceQuotaAdmission(quotas, clock, configurations.limitedResources),
    alwaysDeny,
  ];
  const isOn = (name: string): boolean => enabled.includes(name) || !DEFAULT_OFF.has(name);
  return all.filter(({ name }) => isOn(name) && !disabled.includes(name));
}

/** Nothing without its configuration: `openAdmissionOptions` says so to whoever enables it. */
function configured<T>(
  configuration: T | undefined,
  make: (configuration: T) => AdmissionPlugin,
): readonly AdmissionPlugin[] {
  return configuration === undefined ? [] : [make(configuration)];
}

function shown(credentials: FindCredentials | undefined): Pick<WebhookOptions, "credentials"> {
  return credentials === undefined ? {} : { credentials };
}
