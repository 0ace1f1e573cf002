/** Public surface of the conformance harness. @module */
export { conformance, runTopics, type ConformanceOptions } from "./conformance.ts";
export { WEB_IMAGE, type Backend } from "./backends.ts";
export type { ConformanceContext, ContainersContext, SimulatedContext } from "./context.ts";
export type { HttpAnswer, HttpRequest } from "./http.ts";
export { WatchRecorder } from "./watch-recorder.ts";
export { topicFiles } from "./topics.ts";
export { isEstablished, newCustomKind, type CustomKind, type CustomKindOptions } from "./custom-resources.ts";
export { CONTAINER, newDeployment, newPod, newReplicationController } from "./workloads.ts";
export { startOwnCluster, type OwnCluster } from "./own-cluster.ts";
