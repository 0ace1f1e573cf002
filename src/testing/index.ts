/** Public surface of testing: a cluster inside a test. @module */
export { startTestCluster } from "./test-cluster.ts";
export type { TestCluster, TestClusterOptions } from "./options.ts";
export type { TestNode, TestNodeOptions } from "./simulated-node.ts";
export type { WaitOptions } from "./waiting.ts";
