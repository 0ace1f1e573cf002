/** The extension points of scheduling, in upstream's words. A plugin implements those it needs. @module */
import type { Node, Pod } from "#api/core/v1/types.gen";
import type { ObjectKey } from "#apimachinery";
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodIndex } from "../cache/pod-index.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { Status } from "./status.ts";

/** What a plugin keeps between the extension points of one pod's cycle. */
export type CycleState = Map<string, unknown>;

/** All nodes as they stand; valid until the cycle ends. */
export interface Snapshot {
  readonly nodes: readonly NodeInfo[];
  get(name: string): NodeInfo | undefined;
  /** Counts of pods by topology. */
  readonly index: PodIndex;
}

export interface PreFilterResult {
  /** The pod does not concern this plugin: its Filter is not called. */
  readonly skip?: boolean;
  /** Only these nodes can fit. */
  readonly nodeNames?: ReadonlySet<string>;
  /** The pod cannot be scheduled at all. */
  readonly status?: Status;
}

/** What happened in the cluster that may make a waiting pod fit. */
export interface ClusterEvent {
  readonly resource:
    | "Node"
    | "AssignedPod"
    | "Pod"
    | "Service"
    | "PersistentVolumeClaim"
    | "PersistentVolume"
    | "StorageClass"
    | "CSINode"
    | "PriorityClass";
  readonly action: "add" | "update" | "delete";
  readonly node?: { readonly old: Node | undefined; readonly new: Node | undefined };
  readonly pod?: { readonly old: Pod | undefined; readonly new: Pod | undefined };
  /** Of objects that are neither nodes nor pods. */
  readonly key?: ObjectKey;
}

/** Events that can make a pod schedulable which a plugin refused. */
export interface EventInterest {
  readonly resource: ClusterEvent["resource"];
  readonly actions: readonly ClusterEvent["action"][];
}

/** Scores are whole or broken numbers from 0 to this, after `normalizeScore`. */
export const MAX_NODE_SCORE = 100;

/** Everything but Reserve to PostBind runs synchronously: a cycle sees one state of the cluster. */
export interface Plugin {
  readonly name: string;
  /** A pod that is refused here does not enter the active queue. */
  preEnqueue?(pod: PodInfo): Status | undefined;
  preFilter?(state: CycleState, pod: PodInfo, snapshot: Snapshot): PreFilterResult | undefined;
  filter?(state: CycleState, pod: PodInfo, node: NodeInfo): Status | undefined;
  /** Changes what PreFilter computed, as if `other` were on the node or gone from it; for preemption. */
  addPod?(state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo): void;
  removePod?(state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo): void;
  /** "skip": the pod does not concern this plugin's Score. */
  preScore?(
    state: CycleState,
    pod: PodInfo,
    nodes: readonly NodeInfo[],
    snapshot: Snapshot,
  ): "skip" | undefined;
  score?(state: CycleState, pod: PodInfo, node: NodeInfo): number;
  normalizeScore?(state: CycleState, scores: Float64Array): void;
  reserve?(state: CycleState, pod: PodInfo, nodeName: string, snapshot: Snapshot): Status | undefined;
  unreserve?(state: CycleState, pod: PodInfo, nodeName: string): void;
  permit?(
    state: CycleState,
    pod: PodInfo,
    nodeName: string,
    signal: AbortSignal,
  ): Promise<Status | undefined>;
  preBind?(
    state: CycleState,
    pod: PodInfo,
    nodeName: string,
    signal: AbortSignal,
  ): Promise<Status | undefined>;
  bind?(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<void>;
  postBind?(state: CycleState, pod: PodInfo, nodeName: string): void;
  /** The events that `queueingHint` is asked about. Absent: all. */
  readonly eventsToRegister?: readonly EventInterest[];
  /** Whether the event may help a pod that this plugin refused. Absent: no event does. */
  queueingHint?(event: ClusterEvent, pod: PodInfo): boolean;
}
