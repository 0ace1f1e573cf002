/** Public surface of scheduler: chooses a node for every pod. @module */
export { runScheduler, type SchedulerOptions } from "./run-scheduler.ts";
export type { ClusterEvent, CycleState, Plugin, PreFilterResult, Snapshot } from "./framework/plugin.ts";
export type { WeightedPlugin } from "./framework/framework.ts";
export { unresolvable, unschedulable, type Code, type Status } from "./framework/status.ts";
