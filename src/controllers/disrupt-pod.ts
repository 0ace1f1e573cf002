/** Saying in a pod's status why the system is about to delete it (KEP-3329). @module */
import { formatTime, isNotFound } from "#apimachinery";
import { Pods } from "#api/core/v1/pod";
import type { Pod, PodStatus } from "#api/core/v1/types.gen";
import type { ControllerContext } from "#controller-runtime";

/** The status with the condition DisruptionTarget, and what else `change` gives. */
export function disruptedStatus(
  pod: Pod,
  reason: string,
  message: string,
  nowMs: number,
  change: Partial<PodStatus> = {},
): PodStatus {
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "DisruptionTarget");
  const lastTransitionTime = formatTime(nowMs);
  const condition = { type: "DisruptionTarget", status: "True", reason, message, lastTransitionTime };
  return { ...pod.status, ...change, conditions: [...others, condition] };
}

/** Writes the status, then deletes. A pod that is gone already, or was replaced, is left alone. */
export async function disruptAndDelete(
  { client }: ControllerContext,
  pod: Pod,
  status: PodStatus | undefined,
  gracePeriodSeconds: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (status !== undefined) {
      const { uid, resourceVersion } = pod.metadata;
      const body = { metadata: { uid, resourceVersion }, status };
      await client.patch(Pods, pod.metadata, { type: "merge", body }, signal, { subresource: "status" });
    }
    await client.delete(Pods, pod.metadata, signal, {
      preconditions: { uid: pod.metadata.uid! },
      ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    });
  } catch (err) {
    if (!isNotFound(err)) throw err;
  }
}
