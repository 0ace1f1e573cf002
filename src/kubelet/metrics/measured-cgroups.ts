/** Cgroups whose making, changing and removing is timed. @module */
import type { Clock } from "#apimachinery";
import type { PodCgroups } from "../platform/platform.ts";
import type { KubeletMetrics } from "./kubelet-metrics.ts";

export function measuredCgroups(cgroups: PodCgroups, metrics: KubeletMetrics, clock: Clock): PodCgroups {
  /** Pods whose cgroup is there; bounded by the pods of the node. */
  const made = new Set<string>();
  const timed = async <T>(
    operation_type: "create" | "update" | "destroy",
    work: () => Promise<T>,
  ): Promise<T> => {
    const startMs = clock.monotonicMs();
    try {
      return await work();
    } finally {
      metrics.cgroupSeconds.observe({ operation_type }, (clock.monotonicMs() - startMs) / 1000);
    }
  };
  return {
    ensureRoot: (...args) => timed("create", () => cgroups.ensureRoot(...args)),
    updateRoot: (...args) => timed("update", () => cgroups.updateRoot(...args)),
    updateExisting: (...args) => timed("update", () => cgroups.updateExisting(...args)),
    async ensurePod(uid, qos, resources) {
      // asked for with every step of a pod, and made with the first
      const isThere = made.has(uid) || (await cgroups.listPods()).includes(uid);
      const ensure = (): Promise<string> => cgroups.ensurePod(uid, qos, resources);
      const path = await (isThere ? ensure() : timed("create", ensure));
      made.add(uid);
      return path;
    },
    readPod: (...args) => cgroups.readPod(...args),
    updatePod: (...args) => timed("update", () => cgroups.updatePod(...args)),
    podProcesses: (...args) => cgroups.podProcesses(...args),
    usage: (...args) => cgroups.usage(...args),
    details: async (...args) => (await cgroups.details?.(...args)) ?? new Map(),
    version: async () => cgroups.version?.(),
    podsMemory: () => cgroups.podsMemory(),
    updateQOS: (...args) => timed("update", () => cgroups.updateQOS(...args)),
    async removePod(uid) {
      // once more when the pod is forgotten, and nothing is left of it
      const isThere = made.delete(uid) || (await cgroups.listPods()).includes(uid);
      const remove = (): Promise<void> => cgroups.removePod(uid);
      return isThere ? timed("destroy", remove) : remove();
    },
    listPods: () => cgroups.listPods(),
  };
}
