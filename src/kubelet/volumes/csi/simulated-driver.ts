/** A CSI driver that says yes to everything, for nodes whose pods run nothing. @module */
import type { CsiNodeClient } from "./csi-client.ts";

export const simulatedDriver: CsiNodeClient = {
  info: async () => ({ nodeId: "simulated", maxVolumesPerNode: 0 }),
  capabilities: async () => new Set(),
  stage: async () => {},
  unstage: async () => {},
  publish: async () => {},
  unpublish: async () => {},
  expand: async () => {},
  stats: async () => ({ usage: [] }),
  close: () => {},
};
