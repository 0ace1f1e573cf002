/** Public surface of network: the pod network of one node. @module */
export { runNetwork, cleanupNetwork, type NetworkOptions, type NetworkPlugin } from "./run-network.ts";
export {
  lackOf,
  missingInKernel,
  remedyOf,
  systemKernelTools,
  type KernelNeed,
  type KernelTools,
} from "./kernel-needs.ts";
export { systemNetworkTools, type NetworkTools } from "./network-tools.ts";
export type { TunnelMode } from "./plan.ts";
