/** Public surface of network: the pod network of one node. @module */
export { runNetwork, cleanupNetwork, type NetworkOptions, type NetworkPlugin } from "./run-network.ts";
export { systemNetworkTools, type NetworkTools } from "./network-tools.ts";
export type { TunnelMode } from "./plan.ts";
