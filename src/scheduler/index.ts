/** Public surface of scheduler: chooses a node for every pod. @module */
export { runScheduler, type SchedulerOptions } from "./run-scheduler.ts";
export type {
  ClusterEvent,
  CycleState,
  EventInterest,
  Plugin,
  PreFilterResult,
  Snapshot,
} from "./framework/plugin.ts";
export { MAX_NODE_SCORE } from "./framework/plugin.ts";
export type { NodeInfo } from "./cache/node-info.ts";
export type { PodInfo } from "./cache/pod-info.ts";
export type { WeightedPlugin } from "./framework/framework.ts";
export { unresolvable, unschedulable, type Code, type Status } from "./framework/status.ts";
export { schedulerMetrics } from "./metrics.ts";
