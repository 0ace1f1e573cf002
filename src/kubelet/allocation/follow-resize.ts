/** Notes when the resize of a pod begins to be carried out, fails, and is done. @module */
import type { EventRecorder } from "#client";
import type { Pod } from "#api/core/v1/types.gen";
import { uidOf } from "../container/pod-spec.ts";
import type { RuntimePod } from "../container/runtime-pod.ts";
import { isResizeInProgress } from "../pod-workers/compute-resize-actions.ts";
import type { AllocationManager } from "./allocation-manager.ts";
import { resizeMessage } from "./resize-message.ts";

/** `pod` as it was granted. */
export function followResize(
  { conditions, actuated, completed }: Pick<AllocationManager, "conditions" | "actuated" | "completed">,
  recorder: EventRecorder,
  pod: Pod,
  runtime: RuntimePod,
): void {
  const uid = uidOf(pod);
  if (isResizeInProgress(pod, runtime, actuated.get(uid))) {
    conditions.setInProgress(uid, pod.metadata.generation ?? 0);
    return;
  }
  const generation = conditions.clearInProgress(uid);
  if (generation === undefined) return;
  recorder.event(pod, "Normal", "ResizeCompleted", resizeMessage("completed", pod, generation));
  completed();
}

export function resizeFailed(
  { conditions }: Pick<AllocationManager, "conditions">,
  recorder: EventRecorder,
  pod: Pod,
  message: string,
): void {
  const uid = uidOf(pod);
  if (!conditions.setInProgress(uid, pod.metadata.generation ?? 0, message)) return;
  const { observedGeneration = 0 } = conditions.inProgress(uid) ?? {};
  recorder.event(pod, "Warning", "ResizeError", resizeMessage("error", pod, observedGeneration, message));
}
