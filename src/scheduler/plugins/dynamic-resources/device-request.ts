/** Requests for devices in one shape: what a request asks itself, and each of its alternatives. @module */
import type {
  CapacityRequirements,
  Device,
  DeviceClass,
  DeviceRequest,
  DeviceSelector,
  DeviceTaint,
  DeviceToleration,
  ExactDeviceRequest,
} from "#api/resource/v1/types.gen";

export interface Wanted {
  /** `request` or `request/subrequest`. */
  readonly name: string;
  readonly deviceClass: DeviceClass;
  readonly selectors: readonly DeviceSelector[];
  readonly isAll: boolean;
  readonly count: number;
  readonly adminAccess: boolean;
  readonly tolerations: readonly DeviceToleration[];
  /** Of every device; how much of one that can be shared. */
  readonly capacity: CapacityRequirements | undefined;
}

export type FindClass = (name: string) => DeviceClass | undefined;

/** The ways to satisfy the request, the best first; a text: why there is none. */
export function alternativesOf(request: DeviceRequest, find: FindClass): readonly Wanted[] | string {
  const { name, exactly, firstAvailable = [] } = request;
  const drafts: readonly (readonly [string, ExactDeviceRequest])[] =
    exactly === undefined
      ? firstAvailable.map((sub) => [`${name}/${sub.name}`, sub] as const)
      : [[name, exactly] as const];
  if (drafts.length === 0) return `request ${name}: unknown request type`;
  const alternatives: Wanted[] = [];
  for (const [fullName, draft] of drafts) {
    const deviceClass = find(draft.deviceClassName);
    if (deviceClass === undefined)
      return `request ${fullName}: device class ${draft.deviceClassName} does not exist`;
    alternatives.push({
      name: fullName,
      deviceClass,
      selectors: draft.selectors ?? [],
      isAll: draft.allocationMode === "All",
      count: draft.count ?? 1,
      adminAccess: draft.adminAccess === true,
      tolerations: draft.tolerations ?? [],
      capacity: draft.capacity,
    });
  }
  return alternatives;
}

/** Whether a taint keeps the device from whoever does not tolerate it. */
export function isTaintedFor({ taints = [] }: Device, tolerations: readonly DeviceToleration[]): boolean {
  return taints.some(
    (taint) =>
      (taint.effect === "NoSchedule" || taint.effect === "NoExecute") &&
      !tolerations.some((toleration) => tolerates(toleration, taint)),
  );
}

function tolerates(
  { key = "", operator = "Equal", value = "", effect = "" }: DeviceToleration,
  taint: DeviceTaint,
): boolean {
  if (effect !== "" && effect !== taint.effect) return false;
  if (key !== "" && key !== taint.key) return false;
  return operator === "Exists" || (operator === "Equal" && value === (taint.value ?? ""));
}
