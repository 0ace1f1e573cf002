/** What an update of a pod may change: little, because containers run already. @module */
import { field, isDns1123Subdomain } from "#apimachinery";
import { each, immutable, inRange, NONE, obeys, type Causes } from "../../validation/common.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { validIpLegacy } from "../../validation/ip.ts";
import { gatedChanges } from "./gated-pod-validation.ts";
import { specDifference } from "./spec-difference.ts";
import type { Container, Pod, PodSpec, PodStatus } from "./types.gen.ts";

const INT32_MAX = 2 ** 31 - 1;
const UPDATABLE = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
].join(",");

export function validatePodUpdate(pod: Pod, old: Pod): Causes {
  if (pod.spec === undefined || old.spec === undefined) return NONE;
  const lists = (["containers", "initContainers"] as const).filter(
    (list) => (pod.spec![list]?.length ?? 0) !== (old.spec![list]?.length ?? 0),
  );
  if (lists.length > 0) {
    return [field.forbidden(`spec.${lists[0]!}`, "pod updates may not add or remove containers")];
  }
  return [
    ...validateDeadline(pod.spec, old.spec),
    ...validateTolerationChange(pod.spec, old.spec),
    ...validateGateChange(pod.spec, old.spec),
    ...validateRest(pod.spec, old.spec),
  ];
}

function validateDeadline(spec: PodSpec, old: PodSpec): Causes {
  const [now, before] = [spec.activeDeadlineSeconds, old.activeDeadlineSeconds];
  const path = "spec.activeDeadlineSeconds";
  if (now === undefined) {
    if (before === undefined) return NONE;
    return [field.invalid(path, undefined, "must not update from a positive integer to nil value")];
  }
  const range = inRange(now, 0, INT32_MAX, path);
  if (range.length > 0 || before === undefined || now <= before) return range;
  return [field.invalid(path, now, "must be less than or equal to previous value")];
}

function validateTolerationChange(spec: PodSpec, old: PodSpec): Causes {
  const now = withoutSeconds(spec.tolerations);
  const kept = withoutSeconds(old.tolerations).every((before) =>
    now.some((after) => semanticEqual(before, after)),
  );
  if (kept) return NONE;
  return [
    field.forbidden(
      "spec.tolerations",
      "existing toleration can not be modified except its tolerationSeconds",
    ),
  ];
}

const withoutSeconds = (tolerations: PodSpec["tolerations"]): readonly object[] =>
  (tolerations ?? []).map(({ tolerationSeconds: _seconds, ...rest }) => rest);

function validateGateChange(spec: PodSpec, old: PodSpec): Causes {
  const known = new Set((old.schedulingGates ?? []).map((gate) => gate.name));
  return each(spec.schedulingGates, "spec.schedulingGates", ({ name }, at) =>
    known.has(name)
      ? NONE
      : [
          field.forbidden(
            field.child(at, "name"),
            `only deletion is allowed, but found new scheduling gate '${name}'`,
          ),
        ],
  );
}

/** Everything else must be as it was; what may change is put back before the comparison. */
function validateRest(spec: PodSpec, old: PodSpec): Causes {
  const gated = (old.schedulingGates?.length ?? 0) > 0;
  const { causes, spec: settled } = gated ? gatedChanges(spec, old) : { causes: NONE, spec };
  const munged = withUpdatable(settled, old);
  if (semanticEqual(munged, old)) return causes;
  const message = `pod updates may not change fields other than ${UPDATABLE}\n${specDifference(old, munged)}`;
  return [...causes, field.forbidden("spec", message)];
}

function withUpdatable(spec: PodSpec, old: PodSpec): PodSpec {
  const { activeDeadlineSeconds: _d, tolerations: _t, schedulingGates: _g, ...rest } = spec;
  const [grace, graceBefore] = [spec.terminationGracePeriodSeconds, old.terminationGracePeriodSeconds];
  return {
    ...rest,
    containers: withImagesOf(spec.containers, old.containers),
    ...(spec.initContainers !== undefined && {
      initContainers: withImagesOf(spec.initContainers, old.initContainers ?? []),
    }),
    ...(old.activeDeadlineSeconds !== undefined && { activeDeadlineSeconds: old.activeDeadlineSeconds }),
    ...(old.tolerations !== undefined && { tolerations: old.tolerations }),
    ...(old.schedulingGates !== undefined && { schedulingGates: old.schedulingGates }),
    ...(grace === 1 &&
      graceBefore !== undefined &&
      graceBefore < 0 && { terminationGracePeriodSeconds: graceBefore }),
  };
}

const withImagesOf = (list: readonly Container[], before: readonly Container[]): readonly Container[] =>
  list.map((container, i) => ({ ...container, image: before[i]?.image ?? "" }));

export function validatePodStatusUpdate(pod: Pod, old: Pod): Causes {
  const [status, before] = [pod.status ?? {}, old.status ?? {}];
  const nominated = status.nominatedNodeName ?? "";
  return [
    ...each(status.conditions, "status.conditions", (condition, at) =>
      condition.type === "" ? [field.required(field.child(at, "type"))] : NONE,
    ),
    ...(nominated !== "" && nominated !== before.nominatedNodeName
      ? obeys(isDns1123Subdomain, nominated, "status.nominatedNodeName")
      : NONE),
    ...immutable(status.qosClass, before.qosClass, "status.qosClass"),
    ...terminatedStays(pod.spec, status, before),
    ...validateIps(status.podIPs, before.podIPs, "status.podIPs"),
    ...validateHostIps(status, before),
  ];
}

/** A container that has ended for good cannot run again, except by its restart policy. */
function terminatedStays(spec: PodSpec | undefined, status: PodStatus, before: PodStatus): Causes {
  if (spec?.restartPolicy === "Always") return NONE;
  const own = new Map((spec?.containers ?? []).map((container) => [container.name, container.restartPolicy]));
  const now = new Map((status.containerStatuses ?? []).map((s) => [s.name, s]));
  return each(before.containerStatuses, "status.containerStatuses", (old, at) => {
    const ended = old.state?.terminated;
    if (ended === undefined || own.get(old.name) !== undefined) return NONE;
    if (ended.exitCode !== 0 && spec?.restartPolicy === "OnFailure") return NONE;
    const after = now.get(old.name);
    if (after === undefined || after.state?.terminated !== undefined) return NONE;
    return [field.forbidden(field.child(at, "state"), "may not be transitioned to non-terminated state")];
  });
}

interface Ip {
  readonly ip: string;
}

function validateIps(ips: readonly Ip[] | undefined, old: readonly Ip[] | undefined, path: string): Causes {
  const known = (old ?? []).map(({ ip }) => ip);
  const families = new Set((ips ?? []).map(({ ip }) => (ip.includes(":") ? 6 : 4)));
  return [
    ...each(ips, path, ({ ip }, at) => validIpLegacy(ip, at, known)),
    ...((ips?.length ?? 0) > families.size
      ? [field.invalid(path, ips, "may specify no more than one IP for each IP family")]
      : NONE),
  ];
}

function validateHostIps(status: PodStatus, before: PodStatus): Causes {
  const first = status.hostIPs?.[0]?.ip;
  if (first === undefined) return NONE;
  return [
    ...(status.hostIP === first
      ? NONE
      : [field.invalid("status.hostIPs[0].ip", first, "must be equal to `hostIP`")]),
    ...validateIps(status.hostIPs, before.hostIPs, "status.hostIPs"),
  ];
}
