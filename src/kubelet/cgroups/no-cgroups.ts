/** For nodes that leave cgroups to the runtime. @module */
import type { PodCgroups } from "../platform/platform.ts";

export const noCgroups: PodCgroups = {
  ensureRoot: async () => {},
  updateRoot: async () => false,
  updateExisting: async (path) => {
    throw new Error(`cgroup ${JSON.stringify(path)} cannot be bounded: this node does not manage cgroups`);
  },
  ensurePod: async () => "",
  readPod: async () => ({}),
  updatePod: async () => {},
  podProcesses: async () => undefined,
  usage: async () => undefined,
  podsMemory: async () => undefined,
  updateQOS: async () => {},
  removePod: async () => {},
  listPods: async () => [],
};
