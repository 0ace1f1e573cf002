/** For nodes that leave cgroups to the runtime. @module */
import type { PodCgroups } from "../platform/platform.ts";

export const noCgroups: PodCgroups = {
  ensureRoot: async () => {},
  ensurePod: async () => "",
  readPod: async () => ({}),
  updatePod: async () => {},
  podProcesses: async () => undefined,
  podsMemory: async () => undefined,
  updateQOS: async () => {},
  removePod: async () => {},
  listPods: async () => [],
};
