/** Removes all containers of a pod that starts anew in its sandbox. @module */
import type { Pod } from "#api/core/v1/types.gen";
import type { ContainerToReset } from "../container/restart-all.ts";
import type { RuntimePod } from "../container/runtime-pod.ts";
import { killContainer, type Killer } from "./kill-pod.ts";

/** In the order given, and without a grace period. Their logs stay until the pod goes. */
export async function resetContainers(
  killer: Killer,
  pod: Pod,
  runtimePod: RuntimePod,
  containers: readonly ContainerToReset[],
  signal: AbortSignal,
): Promise<void> {
  const podIP = runtimePod.ips[0] ?? "";
  for (const { id, container, isActive } of containers) {
    const kill = { pod, container, id, name: container.name, podIP, gracePeriodSeconds: 0 } as const;
    if (isActive) await killContainer(killer, { ...kill, message: "killing", reason: "" }, signal);
    await killer.runtime.removeContainer(id, signal);
  }
}
