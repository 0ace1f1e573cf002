/** What an update of a pod may change: little, because containers run already. @module */
import { field } from "#apimachinery";
import { each, inRange, NONE, type Causes } from "../../validation/common.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { gatedChanges } from "./gated-pod-validation.ts";
import { specDifference } from "./spec-difference.ts";
import type { Container, Pod, PodSpec } from "./types.gen.ts";

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
  const deadline = validateDeadline(pod.spec, old.spec);
  // Upstream looks no further when a new deadline is wrong.
  if (deadline.length > 0 && pod.spec.activeDeadlineSeconds !== undefined) return deadline;
  return [
    ...deadline,
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
