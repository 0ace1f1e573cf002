/** Pods keep to the Pod Security Standard that the labels of their namespace name. @module */
import { invalid, type Clock, type KubeObject, type ObjectMeta } from "#apimachinery";
import type { Container, Pod, PodSpec } from "#api/core/v1/types.gen";
import type { ObjectLookup } from "../object-lookup.ts";
import type { AdmissionPlugin, Attributes } from "../plugin.ts";
import { refuse } from "../refuse.ts";
import type { CheckedPod } from "./containers.ts";
import { describe, evaluatePod } from "./evaluate.ts";
import { warningsOfExisting } from "./existing-pods.ts";
import { formatLevel, isFullyPrivileged, isSameLevel, readPolicy, strictness } from "./policy.ts";

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

export function podSecurity(lookup: ObjectLookup, clock: Clock): AdmissionPlugin {
  return {
    name: "PodSecurity",
    operations: ["CREATE", "UPDATE"],
    resources: [PODS, NAMESPACES, ...TEMPLATED],
    validate(attributes) {
      const { resource, subresource } = attributes;
      if (resource === NAMESPACES) return validateNamespace(attributes, lookup, clock);
      if (resource === PODS ? IGNORED.has(subresource) : subresource !== "") return undefined;
      const known = lookup.get(NAMESPACES, "", attributes.namespace);
      if (known !== undefined) return validatePod(attributes, known);
      return lookup
        .getLive(NAMESPACES, "", attributes.namespace)
        .then((live) => live && validatePod(attributes, live));
    },
  };
}

function validateNamespace(attributes: Attributes, lookup: ObjectLookup, clock: Clock): void {
  const { subresource, operation, object, oldObject, kind, warn } = attributes;
  if (subresource !== "") return;
  const { policy, causes } = readPolicy(object!.metadata.labels);
  const { name } = object!.metadata;
  if (operation === "CREATE") {
    if (causes.length > 0) throw invalid(kind, name, causes);
    return;
  }
  const old = readPolicy(oldObject!.metadata.labels);
  if (causes.length > 0 && JSON.stringify(causes) !== JSON.stringify(old.causes)) {
    throw invalid(kind, name, causes);
  }
  const { enforce } = policy;
  const before = old.policy.enforce;
  if (isSameLevel(enforce, before) || enforce.level === "privileged") return;
  if (enforce.minor === before.minor && strictness(enforce.level) <= strictness(before.level)) return;
  const pods = lookup.list(PODS, name) as readonly Pod[];
  for (const warning of warningsOfExisting(name, pods, enforce, () => clock.monotonicMs())) warn(warning);
}

function validatePod(attributes: Attributes, namespace: KubeObject): void {
  const { policy, causes } = readPolicy(namespace.metadata.labels);
  const { resource, operation, object, oldObject, warn } = attributes;
  const isPod = resource === PODS;
  if (isFullyPrivileged(policy)) {
    if (isPod) attributes.addAuditAnnotation(`${ANNOTATIONS}enforce-policy`, formatLevel(policy.enforce));
    return;
  }
  if (isPod && operation === "UPDATE" && !isSignificant(object as Pod, oldObject as Pod)) return;
  const pod = podOf(resource, object!);
  if (pod === undefined) return;
  const enforced = isPod ? evaluatePod(policy.enforce, pod) : [];
  annotate(attributes, { policy, causes }, pod);
  if (enforced.length > 0) {
    const level = formatLevel(policy.enforce);
    throw refuse(attributes, `violates PodSecurity "${level}": ${describe(enforced)}`);
  }
  const warned = evaluatePod(policy.warn, pod);
  if (warned.length === 0) return;
  warn(`would violate PodSecurity "${formatLevel(policy.warn)}": ${describe(warned)}`);
}

/** For the audit event: what held, and what the policy for audits would have refused. */
function annotate(
  attributes: Attributes,
  { policy, causes }: ReturnType<typeof readPolicy>,
  pod: CheckedPod,
): void {
  if (causes.length > 0) {
    const why = causes.map(({ field, message }) => `${field}: ${message}`);
    const all = why.length === 1 ? why[0] : `[${why.join(", ")}]`;
    attributes.addAuditAnnotation(`${ANNOTATIONS}error`, `Failed to parse policy: ${all}`);
  }
  if (attributes.resource === PODS) {
    attributes.addAuditAnnotation(`${ANNOTATIONS}enforce-policy`, formatLevel(policy.enforce));
  }
  const audited = evaluatePod(policy.audit, pod);
  if (audited.length === 0) return;
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
