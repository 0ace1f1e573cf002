/** Lists: components first, then everything else. @module */
import type { RuntimeService } from "../runtime.ts";
import type { ComponentState } from "./component-runtime.ts";

type ListCalls = Pick<
  RuntimeService,
  "listPodSandbox" | "listContainers" | "listContainerStats" | "listPodSandboxStats"
>;

export function listCalls({ own, runtime, records }: ComponentState): ListCalls {
  /** What one sandbox has is asked of whoever has it: for a sandbox that it lacks, containerd measures all that it has. */
  const of = async <T>(
    sandboxId: string | undefined,
    list: (service: RuntimeService) => Promise<readonly T[]>,
  ): Promise<readonly T[]> => {
    if (sandboxId === undefined || sandboxId === "")
      return (await Promise.all([list(own), list(runtime)])).flat();
    return list(records.sandboxes.has(sandboxId) ? own : runtime);
  };
  return {
    listPodSandbox: (filter, signal) => of(filter.id, (one) => one.listPodSandbox(filter, signal)),
    listContainers: (filter, signal) => of(filter.podSandboxId, (one) => one.listContainers(filter, signal)),
    listContainerStats: (filter, signal) =>
      of(filter.podSandboxId, (one) => one.listContainerStats(filter, signal)),
    listPodSandboxStats: (filter, signal) => of(filter.id, (one) => one.listPodSandboxStats(filter, signal)),
  };
}
