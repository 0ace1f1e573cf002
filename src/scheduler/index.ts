/** Public surface of scheduler: chooses a node for every pod. @module */
export { runScheduler, type SchedulerOptions } from "./run-scheduler.ts";
export { loadSchedulerConfiguration, parseSchedulerConfiguration } from "./config/load.ts";
export type { KubeSchedulerConfiguration } from "./config/types.ts";
export type {
  ClusterEvent,
  EventAction,
  EventChange,
  EventInterest,
  EventResource,
} from "./framework/cluster-event.ts";
export type { Handle, PluginFactory, PluginRegistry } from "./framework/handle.ts";
export type {
  Cycle,
  CycleState,
  PermitWait,
  Plugin,
  PostFilterResult,
  PreFilterResult,
  RefusedNodes,
  Snapshot,
} from "./framework/plugin.ts";
export { MAX_NODE_SCORE } from "./framework/plugin.ts";
export type { NodeInfo } from "./cache/node-info.ts";
export type { PodInfo } from "./cache/pod-info.ts";
export type { QueuedPod } from "./queue/queued-pod.ts";
export type { WeightedPlugin } from "./framework/points.ts";
export type { WaitingPod, WaitingPods } from "./framework/waiting-pods.ts";
export { unresolvable, unschedulable, type Code, type Status } from "./framework/status.ts";
export { schedulerMetrics } from "./metric-definitions.ts";
