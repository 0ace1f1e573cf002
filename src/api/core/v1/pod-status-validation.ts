/** What writers of a pod's status, kubelet above all, may say. @module */
import { field, isDns1123Label, isDns1123Subdomain, isQualifiedName, type StatusCause } from "#apimachinery";
import { all, each, immutable, NONE, obeys, type Causes } from "../../validation/common.ts";
import { validIpLegacy } from "../../validation/ip.ts";
import { validateContainerStatuses } from "./container-status-validation.ts";
import { mayAllRestart, shouldRestart } from "./container-restart-rules.ts";
import { validateAnnotations } from "./pod-validation.ts";
import type {
  Container,
  ContainerStatus,
  Pod,
  PodExtendedResourceClaimStatus,
  PodSpec,
  PodStatus,
} from "./types.gen.ts";

const SYSTEM_CONDITIONS: readonly string[] = ["PodScheduled", "Ready", "Initialized"];
const NONNEGATIVE = "must be a non-negative integer";

export function validatePodStatusUpdate(pod: Pod, old: Pod): Causes {
  const [status, before] = [pod.status ?? {}, old.status ?? {}];
  const { observedGeneration = 0 } = status;
  return all(
    validateAnnotations(pod, old),
    validateConditions(status),
    validateNominated(status, old),
    observedGeneration < 0
      ? [field.invalid("status.observedGeneration", observedGeneration, NONNEGATIVE)]
      : NONE,
    immutable(status.qosClass, before.qosClass, "status.qosClass"),
    validateTransitions(status, before, old.spec),
    validateClaimStatuses(status, pod.spec),
    validateExtendedClaim(status.extendedResourceClaimStatus, pod.spec),
    validateIps(status.podIPs, before.podIPs, "status.podIPs"),
    validateHostIps(status, before),
    validateContainerStatuses(pod),
  );
}

function validateConditions({ conditions }: PodStatus): Causes {
  return each(conditions, "status.conditions", ({ type, observedGeneration = 0 }, at) =>
    all(
      observedGeneration < 0
        ? [field.invalid(field.child(at, "observedGeneration"), observedGeneration, NONNEGATIVE)]
        : NONE,
      SYSTEM_CONDITIONS.includes(type) ? NONE : obeys(isQualifiedName, type, field.child(at, "Type")),
    ),
  );
}

function validateNominated({ nominatedNodeName: name = "" }: PodStatus, old: Pod): Causes {
  if (name === "" || name === (old.status?.nominatedNodeName ?? "")) return NONE;
  const path = "status.nominatedNodeName";
  return all(
    obeys(isDns1123Subdomain, name, path),
    old.spec?.nodeName
      ? [field.forbidden(path, "may not be set on pods that are already bound to a node")]
      : NONE,
  );
}

/** A container that has ended for good cannot run again, except by its restart policy. */
function validateTransitions(status: PodStatus, before: PodStatus, spec: PodSpec | undefined): Causes {
  const restarts =
    (containers: readonly Container[] | undefined) =>
    (name: string, exitCode: number): boolean => {
      const container = containers?.find((c) => c.name === name);
      return container !== undefined && shouldRestart(container, spec ?? { containers: [] }, exitCode);
    };
  const anyMayRestart = spec !== undefined && mayAllRestart(spec);
  const staysEnded = (
    list: "containerStatuses" | "initContainerStatuses" | "ephemeralContainerStatuses",
    mayRestart: (name: string, exitCode: number) => boolean,
  ): Causes => terminatedStays(status[list], before[list], `status.${list}`, mayRestart);
  return all(
    anyMayRestart ? NONE : staysEnded("containerStatuses", restarts(spec?.containers)),
    anyMayRestart ? NONE : staysEnded("initContainerStatuses", restarts(spec?.initContainers)),
    staysEnded("ephemeralContainerStatuses", () => false),
  );
}

function terminatedStays(
  now: readonly ContainerStatus[] | undefined,
  before: readonly ContainerStatus[] | undefined,
  path: string,
  mayRestart: (name: string, exitCode: number) => boolean,
): Causes {
  return each(before, path, (old, at) => {
    const ended = old.state?.terminated;
    const after = now?.find((status) => status.name === old.name);
    if (ended === undefined || after === undefined || after.state?.terminated !== undefined) return NONE;
    if (mayRestart(old.name, ended.exitCode)) return NONE;
    return [field.forbidden(field.child(at, "state"), "may not be transitioned to non-terminated state")];
  });
}

function validateClaimStatuses({ resourceClaimStatuses }: PodStatus, spec: PodSpec | undefined): Causes {
  const path = "status.resourceClaimStatuses";
  const known = new Set((spec?.resourceClaims ?? []).map((claim) => claim.name));
  const seen = new Set<string>();
  return each(resourceClaimStatuses, path, ({ name, resourceClaimName: claim }, at) => {
    const namePath = field.child(at, "name");
    const repeated = seen.has(name) ? [field.duplicate(namePath, name)] : NONE;
    seen.add(name);
    return all(
      known.has(name)
        ? NONE
        : [field.invalid(namePath, name, "must match the name of an entry in `spec.resourceClaims`")],
      repeated,
      claim === undefined ? NONE : obeys(isDns1123Subdomain, claim, field.child(at, "resourceClaimName")),
    );
  });
}

const RESOURCE_MESSAGE =
  "must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests";
const CONTAINER_MESSAGE =
  "must match the name of an entry in spec.initContainers.name or spec.containers.name";

function validateExtendedClaim(
  status: PodExtendedResourceClaimStatus | undefined,
  spec: PodSpec | undefined,
): Causes {
  if (status === undefined) return NONE;
  const path = "status.extendedResourceClaimStatus";
  const mappingsPath = field.child(path, "requestMappings");
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const seen = new Set<string>();
  const claim = status.resourceClaimName;
  return all(
    status.requestMappings.length === 0
      ? [field.required(mappingsPath, "at least one request mapping is required")]
      : NONE,
    each(status.requestMappings, mappingsPath, ({ containerName, resourceName, requestName }, at) => {
      const container = containers.findLast((c) => c.name === containerName);
      const key = JSON.stringify([containerName, resourceName, requestName]);
      const repeated = seen.has(key);
      seen.add(key);
      return all(
        unknownRequest(container, containerName, resourceName, at),
        obeys(isDns1123Label, requestName, field.child(path, "requestName")),
        repeated
          ? [
              field.duplicate(field.child(at, "containerName"), containerName),
              field.duplicate(field.child(at, "resourceName"), resourceName),
              field.duplicate(field.child(at, "requestName"), requestName),
            ]
          : NONE,
      );
    }),
    claim === ""
      ? [field.required(field.child(path, "resourceClaimName"))]
      : obeys(isDns1123Subdomain, claim, field.child(path, "resourceClaimName")),
  );
}

function unknownRequest(
  container: Container | undefined,
  containerName: string,
  resourceName: string,
  path: string,
): readonly StatusCause[] {
  if (container === undefined) {
    return [field.invalid(field.child(path, "containerName"), containerName, CONTAINER_MESSAGE)];
  }
  if (container.resources?.requests?.[resourceName] !== undefined) return NONE;
  return [field.invalid(field.child(path, "resourceName"), resourceName, RESOURCE_MESSAGE)];
}

interface Ip {
  readonly ip: string;
}

function validateIps(ips: readonly Ip[] = [], old: readonly Ip[] = [], path: string): Causes {
  const known = old.map(({ ip }) => ip);
  const families = new Set(ips.map(({ ip }) => (ip.includes(":") ? 6 : 4)));
  return all(
    each(ips, path, ({ ip }, at) => validIpLegacy(ip, at, known)),
    ips.length > families.size
      ? [field.invalid(path, ips, "may specify no more than one IP for each IP family")]
      : NONE,
  );
}

function validateHostIps(status: PodStatus, before: PodStatus): Causes {
  const first = status.hostIPs?.[0]?.ip;
  if (first === undefined) return NONE;
  return all(
    status.hostIP === first
      ? NONE
      : [field.invalid("status.hostIPs[0].ip", first, "must be equal to `hostIP`")],
    validateIps(status.hostIPs, before.hostIPs, "status.hostIPs"),
  );
}
