/** Whether a volume is to be made larger on this node, and what its claim says afterwards. Pure. @module */
import { compareQuantity, parseQuantity } from "#apimachinery";
import type { PersistentVolumeClaim, PersistentVolumeClaimCondition } from "#api/core/v1/types.gen";
import type { VolumeSpec } from "../volume-spec.ts";

export interface Expansion {
  /** A quantity. */
  readonly newSize: string;
  /** The claim says so itself what was allocated; else an older resizer speaks. */
  readonly isRecoverable: boolean;
  /** The claim has that size already: another node was first, and this one follows. */
  readonly isClaimDone: boolean;
}

const NOT_REQUIRED = "volume.kubernetes.io/node-expansion-not-required";
const RESIZE_CONDITIONS: readonly (string | undefined)[] = [
  "FileSystemResizePending",
  "Resizing",
  "ControllerResizeError",
  "NodeResizeError",
];

/** `knownSize`: what the volume has here as far as this kubelet knows; undefined: what the claim says. */
export function planExpansion(
  { claim, persistent, readOnly }: VolumeSpec,
  knownSize: string | undefined,
): Expansion | undefined {
  const volumeSize = persistent?.spec?.capacity?.["storage"];
  const claimSize = claim?.status?.capacity?.["storage"];
  if (claim === undefined || volumeSize === undefined || claimSize === undefined || readOnly)
    return undefined;
  if (!isLess(knownSize ?? claimSize, volumeSize)) return undefined;
  const status = claim.status?.allocatedResourceStatuses?.["storage"] ?? "";
  const allocated = claim.status?.allocatedResources?.["storage"];
  if (status === "" && claim.status?.allocatedResources === undefined) {
    const isClaimDone = !isLess(claimSize, volumeSize);
    return { newSize: volumeSize, isRecoverable: false, isClaimDone };
  }
  const newSize = allocated ?? volumeSize;
  const isClaimDone = !isLess(claimSize, newSize) && status === "";
  const isShared = claim.spec?.accessModes?.includes("ReadWriteMany") === true;
  const isNeededHere = isShared && claim.metadata.annotations?.[NOT_REQUIRED] === undefined;
  const isAsked = status === "NodeResizePending" || status === "NodeResizeInProgress";
  if (!isAsked && !(isClaimDone && isNeededHere)) return undefined;
  return { newSize, isRecoverable: true, isClaimDone };
}

/** The status of a claim whose volume has grown. */
export function finishedStatus(
  claim: PersistentVolumeClaim,
  newSize: string,
): Readonly<Record<string, unknown>> {
  return {
    capacity: { storage: newSize },
    ...(claim.status?.allocatedResourceStatuses !== undefined && {
      allocatedResourceStatuses: { storage: null },
    }),
    conditions: (claim.status?.conditions ?? []).filter(({ type }) => !RESIZE_CONDITIONS.includes(type)),
  };
}

/** The status of a claim whose volume could not be made larger. `isInfeasible`: it is not tried again. */
export function failedStatus(
  claim: PersistentVolumeClaim,
  problem: string,
  isInfeasible: boolean,
  now: string,
): Readonly<Record<string, unknown>> {
  const condition: PersistentVolumeClaimCondition = {
    type: "NodeResizeError",
    status: "True",
    lastTransitionTime: now,
    message: `failed to expand pvc with ${problem}`,
  };
  const others = (claim.status?.conditions ?? []).filter(({ type }) => type !== condition.type);
  return {
    ...(isInfeasible && { allocatedResourceStatuses: { storage: "NodeResizeInfeasible" } }),
    conditions: [...others, condition],
  };
}

function isLess(a: string, b: string): boolean {
  return compareQuantity(parseQuantity(a), parseQuantity(b)) < 0;
}
