/** Why a pod's volumes cannot be made, in the words that its events show. @module */
import { describeError } from "../container/describe-error.ts";

export interface VolumeEvent {
  readonly reason: "FailedMount" | "FailedMapVolume" | "VolumeResizeFailed";
  readonly message: string;
}

/** The pod is to fail for it. */
export interface VolumeRejection {
  readonly reason: "VolumeAttachmentLimitExceeded";
  readonly message: string;
}

/** Some of the pod's volumes are not there. Without events nothing has failed yet, and there is only to wait. */
export class MountError extends Error {
  override readonly name = "MountError";
  readonly events: readonly VolumeEvent[];
  readonly rejection: VolumeRejection | undefined;

  constructor(events: readonly VolumeEvent[], cause?: unknown, rejection?: VolumeRejection) {
    super(events[0]?.message ?? "the pod's volumes are not attached yet", { cause });
    this.events = events;
    this.rejection = rejection;
  }
}

/** One step of one volume has failed. */
export class OperationError extends Error {
  override readonly name = "OperationError";
  readonly reason: VolumeEvent["reason"];

  constructor(message: string, reason: VolumeEvent["reason"], cause: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

/** The volume is not attached to this node yet; no failure. */
export class NotAttachedError extends Error {
  override readonly name = "NotAttachedError";
}

/** Upstream's form of such messages. */
export function operationError(
  what: string,
  volumeName: string,
  problem: unknown,
  reason: VolumeEvent["reason"] = "FailedMount",
): OperationError {
  if (problem instanceof OperationError) return problem;
  const message = `${what} for volume ${JSON.stringify(volumeName)} : ${describeError(problem)}`;
  return new OperationError(message, reason, problem);
}
