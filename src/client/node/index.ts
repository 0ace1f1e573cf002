/** Public surface of the client's Node part: HTTPS, kubeconfig files, in-cluster configuration. @module */
export * from "./client-config.ts";
export * from "./http-transport.ts";
export * from "./in-cluster.ts";
export * from "./kubeconfig.ts";
export * from "./kubeconfig-write.ts";
export { decodeJsonLines } from "./json-lines.ts";
export { serverError } from "./server-errors.ts";
