/** Throws away ended containers that only their logs are kept for, when the disk is needed more. @module */
import type { Logger } from "#apimachinery";
import { isRuntimeNotFound, type RuntimeService } from "#cri";
import type { RuntimeContainer, RuntimePod } from "../container/runtime-pod.ts";
import type { RuntimeCache } from "../pleg/runtime-cache.ts";

export interface ContainerGCOptions {
  readonly runtime: Pick<RuntimeService, "removeContainer" | "removePodSandbox">;
  readonly cache: Pick<RuntimeCache, "list" | "refresh">;
  readonly logger: Logger;
  /** The pod has ended, or nobody knows it. */
  readonly isFinished: (uid: string) => boolean;
}

/** Of pods that have ended everything goes, of others all ends but the last of each container. */
export async function deleteUnusedContainers(
  options: ContainerGCOptions,
  signal: AbortSignal,
): Promise<void> {
  const { runtime, cache, logger, isFinished } = options;
  for (const pod of cache.list()) {
    const finished = isFinished(pod.uid);
    const unused = finished ? pod.containers.filter(hasEnded) : supersededContainers(pod);
    const sandboxes = finished ? pod.sandboxes.filter(({ ready }) => !ready) : [];
    if (unused.length === 0 && sandboxes.length === 0) continue;
    logger.info("Removing what a pod has left", { uid: pod.uid, containers: unused.length });
    try {
      for (const { id } of unused) await runtime.removeContainer(id, signal);
      for (const { id } of sandboxes) await runtime.removePodSandbox(id, signal);
    } catch (err) {
      signal.throwIfAborted();
      if (!isRuntimeNotFound(err)) throw err;
    }
    await cache.refresh(pod.uid);
  }
}

function hasEnded({ state }: RuntimeContainer): boolean {
  return state === "exited";
}

/** Containers are newest first. */
function supersededContainers({ containers }: RuntimePod): readonly RuntimeContainer[] {
  const ended = containers.filter(hasEnded);
  return ended.filter(({ name }, index) => ended.findIndex((one) => one.name === name) < index);
}
