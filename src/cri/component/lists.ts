/** Lists: components first, then everything else. @module */
import type { RuntimeService } from "../runtime.ts";
import type { ComponentState } from "./component-runtime.ts";

type ListCalls = Pick<
  RuntimeService,
  "listPodSandbox" | "listContainers" | "listContainerStats" | "listPodSandboxStats"
>;

export function listCalls({ own, runtime }: ComponentState): ListCalls {
  return {
    listPodSandbox: (filter, signal) =>
      both(own.listPodSandbox(filter, signal), runtime.listPodSandbox(filter, signal)),
    listContainers: (filter, signal) =>
      both(own.listContainers(filter, signal), runtime.listContainers(filter, signal)),
    listContainerStats: (filter, signal) =>
      both(own.listContainerStats(filter, signal), runtime.listContainerStats(filter, signal)),
    listPodSandboxStats: (filter, signal) =>
      both(own.listPodSandboxStats(filter, signal), runtime.listPodSandboxStats(filter, signal)),
  };
}

async function both<T>(own: Promise<readonly T[]>, others: Promise<readonly T[]>): Promise<readonly T[]> {
  return (await Promise.all([own, others])).flat();
}
