/** Public surface of cri: the runtime contract and its implementations. @module */
export * from "./container.ts";
export * from "./errors.ts";
export * from "./image.ts";
export * from "./resources.ts";
export * from "./runtime.ts";
export * from "./sandbox.ts";
export * from "./security.ts";
export * from "./stats.ts";
export * from "./containerd/index.ts";
export * from "./oci/index.ts";
export * from "./pause/index.ts";
export * from "./simulated/index.ts";
export * from "./component/index.ts";
