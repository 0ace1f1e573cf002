/** Says so when the runtime makes cgroups in another way than kubelet does: its pods would not start. @module */
import type { Logger } from "#apimachinery";
import { isRuntimeUnimplemented, type RuntimeService } from "#cri";

/** Rejects when `signal` aborts. A runtime that does not tell may be right. */
export async function checkCgroupDriver(
  runtime: Pick<RuntimeService, "runtimeConfig">,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { linux } = await runtime.runtimeConfig(signal);
    if (linux?.cgroupDriver !== "SYSTEMD") return;
    logger.error("The container runtime makes cgroups with systemd, and this kubelet with cgroupfs only", {
      advice: "set SystemdCgroup = false in the runtime's configuration",
    });
  } catch (err) {
    signal.throwIfAborted();
    if (!isRuntimeUnimplemented(err)) logger.warn("Asking the runtime how it makes cgroups failed", { err });
  }
}
