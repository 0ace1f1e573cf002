/** The specification of a pod, in a pod or in a template. @module */
import {
  compareAmounts,
  field,
  isDns1123Label,
  isDns1123Subdomain,
  validateLabels,
  isQualifiedName,
  type ObjectMeta,
} from "#apimachinery";
import { aggregateContainerLimits, aggregateContainerRequests } from "../core/v1/pod-resources.ts";
import type { PodSpec } from "../core/v1/types.gen.ts";
import { validateAffinity, validateTopologySpreadConstraints } from "./affinity.ts";
import { all, each, inRange, NONE, obeys, requiredOneOf, type Causes } from "./common.ts";
import {
  validateContainers,
  validateEphemeralContainers,
  validateInitContainers,
  type PodContext,
} from "./containers.ts";
import { validateDnsConfig, validateHostAliases, validateHostname } from "./pod-dns.ts";
import { isHugePages, validateContainerResources, validatePodResources } from "./resources.ts";
import { MIRROR_ANNOTATION } from "./pod-annotations.ts";
import type { PodRules } from "./pod-rules.ts";
import { validateHostProcess, validateOs } from "./pod-os.ts";
import { eachContainer } from "./pod-visit.ts";
import { validatePodSecurityContext } from "./security-context.ts";
import { validateTolerations } from "./tolerations.ts";
import { validateVolumes } from "./volumes.ts";

const INT32_MAX = 2 ** 31 - 1;
const DNS_POLICIES = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

export function validatePodSpec(
  spec: PodSpec,
  meta: Partial<ObjectMeta> | undefined,
  path: string,
  rules: PodRules,
): Causes {
  const at = (name: string): string => field.child(path, name);
  const { byName, causes: volumeCauses } = validateVolumes(spec.volumes, meta, at("volumes"), rules);
  const claimNames = (spec.resourceClaims ?? []).flatMap(({ name }) => (name === "" ? [] : [name]));
  const context: PodContext = { spec, volumes: byName, claimNames, rules };
  return all(
    spec.terminationGracePeriodSeconds === undefined
      ? [field.required(at("terminationGracePeriodSeconds"))]
      : NONE,
    volumeCauses,
    validateResourceClaims(spec, meta, at("resourceClaims")),
    validateContainers(context, at("containers")),
    validateInitContainers(context, at("initContainers")),
    validateEphemeralContainers(spec.ephemeralContainers, context, at("ephemeralContainers")),
    validateResources(spec, claimNames, at("resources"), rules),
    validateHostNetworkPorts(spec, at("containers"), rules.isPod),
    requiredOneOf(spec.restartPolicy, ["Always", "OnFailure", "Never"], at("restartPolicy")),
    requiredOneOf(spec.dnsPolicy, DNS_POLICIES, at("dnsPolicy")),
    validateLabels(spec.nodeSelector, at("nodeSelector")),
    validatePodSecurityContext(spec, at("securityContext"), rules),
    validateAffinity(spec.affinity, at("affinity"), rules),
    validateDnsConfig(spec, at("dnsConfig")),
    each(spec.readinessGates, at("readinessGates"), (gate, p) =>
      obeys(isQualifiedName, gate.conditionType, field.child(p, "conditionType")),
    ),
    validateGates(spec, at("schedulingGates")),
    validateTopologySpreadConstraints(spec.topologySpreadConstraints, at("topologySpreadConstraints"), rules),
    validateHostProcess(spec, path),
    validateHostUsers(spec, path, rules),
    validateHostname(spec, path),
    validateNames(spec, path, rules),
    validateOs(spec, path),
    validateFileKeyVolumes(spec, path),
  );
}

function validateGates({ schedulingGates }: PodSpec, path: string): Causes {
  const seen = new Set<string>();
  return each(schedulingGates, path, ({ name }, at) => {
    const repeated = seen.has(name) ? [field.duplicate(at, name)] : NONE;
    seen.add(name);
    return all(obeys(isQualifiedName, name, at), repeated);
  });
}

function validateNames(spec: PodSpec, path: string, rules: PodRules): Causes {
  const at = (name: string): string => field.child(path, name);
  const subdomain = (name: "serviceAccountName" | "nodeName" | "priorityClassName"): Causes =>
    spec[name] ? obeys(isDns1123Subdomain, spec[name], at(name)) : NONE;
  const { activeDeadlineSeconds: deadline, runtimeClassName, preemptionPolicy, overhead } = spec;
  return all(
    subdomain("serviceAccountName"),
    subdomain("nodeName"),
    deadline === undefined ? NONE : inRange(deadline, 1, INT32_MAX, at("activeDeadlineSeconds")),
    spec.hostname ? obeys(isDns1123Label, spec.hostname, at("hostname")) : NONE,
    spec.subdomain ? obeys(isDns1123Label, spec.subdomain, at("subdomain")) : NONE,
    validateTolerations(spec.tolerations, at("tolerations"), rules),
    validateHostAliases(spec.hostAliases, at("hostAliases")),
    subdomain("priorityClassName"),
    runtimeClassName === undefined
      ? NONE
      : obeys(isDns1123Subdomain, runtimeClassName, at("runtimeClassName")),
    preemptionPolicy === undefined
      ? NONE
      : requiredOneOf(preemptionPolicy, ["PreemptLowerPriority", "Never"], at("preemptionPolicy")),
    overhead === undefined
      ? NONE
      : validateContainerResources({ limits: overhead }, at("overhead"), {
          indivisibleHugePages: rules.indivisibleHugePages,
        }),
  );
}

function validateResourceClaims(spec: PodSpec, meta: Partial<ObjectMeta> | undefined, path: string): Causes {
  const seen = new Set<string>();
  const isStatic = meta?.annotations?.[MIRROR_ANNOTATION] !== undefined;
  return each(spec.resourceClaims, path, (claim, at) => {
    // Upstream's path to the whole object.
    if (isStatic) return [field.forbidden("[]", "static pods do not support resource claims")];
    const { name, resourceClaimName: direct, resourceClaimTemplateName: template } = claim;
    const namePath = field.child(at, "name");
    const repeated = seen.has(name);
    seen.add(name);
    return all(
      name === ""
        ? [field.required(namePath)]
        : repeated
          ? [field.duplicate(namePath, name)]
          : obeys(isDns1123Label, name, namePath),
      direct !== undefined && template !== undefined
        ? [
            field.invalid(
              at,
              claim,
              "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified",
            ),
          ]
        : NONE,
      direct === undefined && template === undefined
        ? [field.invalid(at, claim, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")]
        : NONE,
      direct === undefined ? NONE : obeys(isDns1123Subdomain, direct, field.child(at, "resourceClaimName")),
      template === undefined
        ? NONE
        : obeys(isDns1123Subdomain, template, field.child(at, "resourceClaimTemplateName")),
    );
  });
}

/** What the pod asks for as a whole must cover its containers. */
function validateResources(
  spec: PodSpec,
  claimNames: readonly string[],
  path: string,
  { indivisibleHugePages }: PodRules,
): Causes {
  const { resources } = spec;
  if (resources === undefined) return NONE;
  if (spec.os?.name === "windows") return [field.forbidden(path, "may not be set for a windows pod")];
  const under = (what: "requests" | "limits", name: string, total: string): Causes => {
    const given = resources[what]?.[name];
    if (given === undefined || !exceeds(total, given)) return NONE;
    const message = `must be greater than or equal to aggregate container ${what} of ${total}`;
    return [field.invalid(field.key(field.child(path, what), name), given, message)];
  };
  return all(
    validatePodResources(resources, path, { claimNames, indivisibleHugePages }),
    Object.entries(aggregateContainerRequests(spec)).flatMap(([name, total]) =>
      under("requests", name, total),
    ),
    Object.entries(aggregateContainerLimits(spec)).flatMap(([name, total]) =>
      isHugePages(name) ? under("limits", name, total) : [],
    ),
    each(spec.containers, field.child(path, "containers"), (container, at) =>
      Object.entries(container.resources?.limits ?? {}).flatMap(([name, limit]) => {
        const pod = resources.limits?.[name];
        if (pod === undefined || !exceeds(limit, pod)) return [];
        const message = `must be less than or equal to pod limits of ${pod}`;
        return [field.invalid(field.child(field.key(at, name), "limits"), limit, message)];
      }),
    ),
  );
}

const exceeds = (own: string, pod: string): boolean => compareAmounts(own, pod) > 0;

function validateHostNetworkPorts(spec: PodSpec, path: string, isPod: boolean): Causes {
  if (spec.hostNetwork !== true) return NONE;
  const message = "must match `containerPort` when `hostNetwork` is true";
  return each(spec.containers, path, (container, at) =>
    each(container.ports, field.child(at, "ports"), ({ hostPort = 0, containerPort }, p) =>
      (isPod || hostPort !== 0) && hostPort !== containerPort
        ? [field.invalid(field.child(p, "hostPort"), hostPort, message)]
        : NONE,
    ),
  );
}

function validateHostUsers(spec: PodSpec, path: string, rules: PodRules): Causes {
  if (spec.hostUsers !== false) return NONE;
  const message = "when `hostUsers` is false";
  return all(
    spec.hostNetwork === true && !rules.userNamespaceHostNetwork
      ? [field.forbidden(field.child(path, "hostNetwork"), message)]
      : NONE,
    spec.hostPID === true ? [field.forbidden(field.child(path, "HostPID"), message)] : NONE,
    spec.hostIPC === true ? [field.forbidden(field.child(path, "HostIPC"), message)] : NONE,
    rules.userNamespaceDevices
      ? NONE
      : eachContainer(spec, path, ({ volumeDevices = [] }, at) =>
          volumeDevices.length > 0 ? [field.forbidden(field.child(at, "volumeDevices"), message)] : NONE,
        ),
  );
}

/** Files with environment variables are written by init containers into an emptyDir (KEP-3721). */
function validateFileKeyVolumes(spec: PodSpec, path: string): Causes {
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]));
  return eachContainer(spec, path, (container, at) =>
    each(container.env, field.child(at, "env"), (variable, p) => {
      const ref = variable.valueFrom?.fileKeyRef;
      if (ref === undefined) return NONE;
      const namePath = field.child(p, "valueFrom", "fileKeyRef", "volumeName");
      const volume = volumes.get(ref.volumeName);
      if (volume === undefined) return [field.notFound(namePath, ref.volumeName)];
      if (volume.emptyDir !== undefined) return NONE;
      return [field.invalid(namePath, ref.volumeName, "referenced volume must be of type emptyDir")];
    }),
  );
}
