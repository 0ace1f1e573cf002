/** Pods keep to the Pod Security Standard that the labels of their namespace name. @module */
import { invalid, type Clock, type KubeObject, type ObjectMeta } from "#apimachinery";
import type { Container, Pod, PodSpec } from "#api/core/v1/types.gen";
import type { ObjectLookup } from "../object-lookup.ts";
import type { AdmissionPlugin, Attributes } from "../plugin.ts";
import { refuse } from "../refuse.ts";
import type { CheckedPod } from "./containers.ts";
import { describe, evaluatePod } from "./evaluate.ts";
import type { PodSecurityConfiguration } from "./configuration.ts";
import { warningsOfExisting } from "./existing-pods.ts";
import { exemptionOf, exemptNamespaceWarning, NOBODY } from "./exemptions.ts";
import type { PodSecurityMetrics } from "./metrics.ts";
import {
  formatLevel,
  isFullyPrivileged,
  isSameLevel,
  PRIVILEGED,
  readPolicy,
  strictness,
  type ReadPolicy,
} from "./policy.ts";

const NAMESPACES = "core/namespaces";
const ANNOTATIONS = "pod-security.kubernetes.io/";
const PODS = "core/pods";
/** Their pods are refused later; here is only the warning. */
const TEMPLATED: readonly string[] = [
  "core/replicationcontrollers",
  "core/podtemplates",
  "apps/replicasets",
  "apps/deployments",
  "apps/statefulsets",
  "apps/daemonsets",
  "batch/jobs",
  "batch/cronjobs",
];
/** They cannot change what a pod may do. Others are checked, also those that are not known yet. */
const IGNORED: ReadonlySet<string> = new Set([
  "exec",
  "attach",
  "binding",
  "eviction",
  "log",
  "portforward",
  "proxy",
  "status",
]);

export interface PodSecurityOptions {
  readonly lookup: ObjectLookup;
  readonly clock: Clock;
  readonly metrics: PodSecurityMetrics | undefined;
  /** Absent: namespaces without labels are privileged, and nobody is exempt. */
  readonly configuration: PodSecurityConfiguration | undefined;
}

interface Facts extends Required<PodSecurityConfiguration> {
  readonly lookup: ObjectLookup;
  readonly clock: Clock;
  readonly metrics: PodSecurityMetrics | undefined;
}

export function podSecurity({ lookup, clock, metrics, configuration }: PodSecurityOptions): AdmissionPlugin {
  const { defaults = PRIVILEGED, exemptions = NOBODY } = configuration ?? {};
  const facts: Facts = { lookup, clock, metrics, defaults, exemptions };
  return {
    name: "PodSecurity",
    operations: ["CREATE", "UPDATE"],
    resources: [PODS, NAMESPACES, ...TEMPLATED],
    validate(attributes) {
      const { resource, subresource, namespace } = attributes;
      if (resource === NAMESPACES) return validateNamespace(attributes, facts);
      if (resource === PODS ? IGNORED.has(subresource) : subresource !== "") return undefined;
      const exemption = exemptionOf(exemptions, namespace, attributes.user.name);
      if (exemption !== undefined) return exempt(exemption, attributes, facts);
      const known = lookup.get(NAMESPACES, "", namespace);
      if (known !== undefined) return validatePod(attributes, known, facts);
      return lookup
        .getLive(NAMESPACES, "", namespace)
        .then((live) => live && validatePod(attributes, live, facts));
    },
  };
}

function exempt(why: string, attributes: Attributes, { metrics }: Facts): void {
  metrics?.exempted(attributes);
  attributes.addAuditAnnotation(`${ANNOTATIONS}exempt`, why);
}

function validateNamespace(attributes: Attributes, facts: Facts): void {
  const { subresource, operation, object, oldObject, kind, warn } = attributes;
  const { defaults, exemptions, lookup, clock } = facts;
  if (subresource !== "") return;
  const { name, labels } = object!.metadata;
  const { policy, causes } = readPolicy(labels, defaults);
  const isExempt = exemptions.namespaces.includes(name);
  const warnOfExemption = (): void => {
    const warning = exemptNamespaceWarning(name, policy, labels, defaults);
    if (warning !== undefined) warn(warning);
  };
  if (operation === "CREATE") {
    if (causes.length > 0) throw invalid(kind, name, causes);
    if (isExempt) warnOfExemption();
    return;
  }
  const old = readPolicy(oldObject!.metadata.labels, defaults);
  if (causes.length > 0 && JSON.stringify(causes) !== JSON.stringify(old.causes)) {
    throw invalid(kind, name, causes);
  }
  const { enforce } = policy;
  const before = old.policy.enforce;
  if (isSameLevel(enforce, before) || enforce.level === "privileged") return;
  if (enforce.minor === before.minor && strictness(enforce.level) <= strictness(before.level)) return;
  if (isExempt) return warnOfExemption();
  const { runtimeClasses } = exemptions;
  const pods = (lookup.list(PODS, name) as readonly Pod[]).filter(
    ({ spec }) => !runtimeClasses.includes(spec?.runtimeClassName ?? ""),
  );
  for (const warning of warningsOfExisting(name, pods, enforce, () => clock.monotonicMs())) warn(warning);
}

function validatePod(attributes: Attributes, namespace: KubeObject, facts: Facts): void {
  const { metrics, defaults, exemptions } = facts;
  const read = readPolicy(namespace.metadata.labels, defaults);
  const { policy, causes } = read;
  const { resource, operation, object, oldObject, warn } = attributes;
  const isPod = resource === PODS;
  if (causes.length === 0 && isUnchecked(policy, isPod)) {
    if (!isPod) return;
    metrics?.evaluated("allow", policy.enforce, "enforce", attributes);
    attributes.addAuditAnnotation(`${ANNOTATIONS}enforce-policy`, "privileged:latest");
    return;
  }
  if (isPod && operation === "UPDATE" && !isSignificant(object as Pod, oldObject as Pod)) return;
  const pod = podOf(resource, object!);
  if (pod === undefined) return;
  if (exemptions.runtimeClasses.includes(pod.spec.runtimeClassName ?? "")) {
    return exempt("runtimeClass", attributes, facts);
  }
  const enforced = isPod ? evaluatePod(policy.enforce, pod) : [];
  if (isPod) {
    metrics?.evaluated(enforced.length > 0 ? "deny" : "allow", policy.enforce, "enforce", attributes);
  }
  audit(attributes, read, pod, metrics);
  if (enforced.length > 0) {
    const level = formatLevel(policy.enforce);
    throw refuse(attributes, `violates PodSecurity "${level}": ${describe(enforced)}`);
  }
  const warned = evaluatePod(policy.warn, pod);
  if (warned.length === 0) return;
  metrics?.evaluated("deny", policy.warn, "warn", attributes);
  warn(`would violate PodSecurity "${formatLevel(policy.warn)}": ${describe(warned)}`);
}

/** What holds templates is never refused. */
function isUnchecked(policy: ReadPolicy["policy"], isPod: boolean): boolean {
  if (isPod) return isFullyPrivileged(policy);
  return policy.warn.level === "privileged" && policy.audit.level === "privileged";
}

/** For the audit event: what held, and what the policy for audits would have refused. */
function audit(
  attributes: Attributes,
  { policy, causes }: ReadPolicy,
  pod: CheckedPod,
  metrics: PodSecurityMetrics | undefined,
): void {
  if (causes.length > 0) {
    metrics?.failed(attributes);
    const why = causes.map(({ field, message }) => `${field}: ${message}`);
    const all = why.length === 1 ? why[0] : `[${why.join(", ")}]`;
    attributes.addAuditAnnotation(`${ANNOTATIONS}error`, `Failed to parse policy: ${all}`);
  }
  if (attributes.resource === PODS) {
    attributes.addAuditAnnotation(`${ANNOTATIONS}enforce-policy`, formatLevel(policy.enforce));
  }
  const audited = evaluatePod(policy.audit, pod);
  if (audited.length === 0) return;
  metrics?.evaluated("deny", policy.audit, "audit", attributes);
  const why = `would violate PodSecurity "${formatLevel(policy.audit)}": ${describe(audited)}`;
  attributes.addAuditAnnotation(`${ANNOTATIONS}audit-violations`, why);
}

interface Templated {
  readonly template?: { readonly metadata?: ObjectMeta; readonly spec?: PodSpec };
}

function podOf(resource: string, object: KubeObject): CheckedPod | undefined {
  if (resource === PODS) {
    const { metadata, spec } = object as Pod;
    return spec && { metadata, spec };
  }
  const { spec } = object as { spec?: Templated & { jobTemplate?: { spec?: Templated } } };
  const holder = resource === "core/podtemplates" ? (object as Templated) : (spec?.jobTemplate?.spec ?? spec);
  const template = holder?.template;
  return template?.spec && { metadata: template.metadata, spec: template.spec };
}

function isChanged(a: readonly Container[] = [], b: readonly Container[] = []): boolean {
  return a.length !== b.length || a.some(({ image }, i) => image !== b[i]!.image);
}

/** Only what runs counts: other images, other containers. */
function isSignificant({ spec }: Pod, { spec: old }: Pod): boolean {
  if (isChanged(spec?.containers, old?.containers)) return true;
  if (isChanged(spec?.initContainers, old?.initContainers)) return true;
  return (spec?.ephemeralContainers ?? []).some(({ name, image }) => {
    const before = old?.ephemeralContainers?.find((container) => container.name === name);
    return before === undefined || before.image !== image;
  });
}
