/** The plugins in the order in which they are asked; upstream's `AllOrderedPlugins`. @module */
import type { Clock } from "#apimachinery";
import type { Authorizer } from "../user-info.ts";
import { alwaysPullImages } from "./always-pull-images.ts";
import {
  certificateApproval,
  certificateSigning,
  certificateSubjectRestriction,
  clusterTrustBundleAttest,
} from "./certificates.ts";
import { defaultIngressClass } from "./default-ingress-class.ts";
import { defaultTolerationSeconds } from "./default-toleration-seconds.ts";
import { extendedResourceToleration } from "./extended-resource-toleration.ts";
import { limitRanger } from "./limit-ranger.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { taintNodesByCondition } from "./node-taints.ts";
import type { ObjectLookup } from "./object-lookup.ts";
import type { AdmissionPlugin } from "./plugin.ts";
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
import type { WebhookOptions } from "./webhook/dispatch.ts";
import { mutatingAdmissionWebhook } from "./webhook/mutating.ts";
import { validatingAdmissionWebhook } from "./webhook/validating.ts";

export interface DefaultPluginsOptions {
  readonly lookup: ObjectLookup;
  readonly quotas: QuotaAccess;
  readonly webhooks: WebhookOptions;
  /** The resource of a kind, as policies name those of their parameters. */
  readonly findKind: ParamFacts["findKind"];
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly random: () => number;
  /** Names of plugins that are asked although they are off by default. */
  readonly enabled: readonly string[];
  /** Names of plugins that are left out. */
  readonly disabled: readonly string[];
}

/** Off unless somebody wants them. */
const OFF_BY_DEFAULT: readonly string[] = ["AlwaysPullImages", "ExtendedResourceToleration"];

export function defaultPlugins(options: DefaultPluginsOptions): readonly AdmissionPlugin[] {
  const { lookup, quotas, webhooks, findKind, authorizer, clock, random, enabled, disabled } = options;
  const policies = { lookup, versionsOf: webhooks.versionsOf, authorizer, findKind };
  const all = [
    namespaceLifecycle(lookup),
    limitRanger(lookup),
    serviceAccountAdmission({ lookup, clock, random }),
    nodeRestriction(lookup),
    taintNodesByCondition,
    alwaysPullImages,
    podSecurity(lookup, clock),
    priorityAdmission(lookup),
    defaultTolerationSeconds,
    extendedResourceToleration,
    defaultStorageClass(lookup),
    storageObjectInUseProtection,
    persistentVolumeClaimResize(lookup),
    runtimeClassAdmission(lookup),
    certificateApproval(authorizer),
    certificateSigning(authorizer),
    clusterTrustBundleAttest(authorizer),
    certificateSubjectRestriction,
    defaultIngressClass(lookup),
    expressionCheck,
    mutatingAdmissionPolicy(policies),
    mutatingAdmissionWebhook(webhooks),
    validatingAdmissionPolicy(policies),
    validatingAdmissionWebhook(webhooks),
    resourceQuotaAdmission(quotas, clock),
  ];
  const isOn = (name: string): boolean => enabled.includes(name) || !OFF_BY_DEFAULT.includes(name);
  return all.filter(({ name }) => isOn(name) && !disabled.includes(name));
}
