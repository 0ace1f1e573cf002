/** The extension points of scheduling, in upstream's words. A plugin implements those it needs. @module */
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodIndex } from "../cache/pod-index.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { EqualPods } from "../equal-pods.ts";
import type { QueuedPod } from "../queue/queued-pod.ts";
import type { ClusterEvent, EventInterest } from "./cluster-event.ts";
import type { CycleTimer } from "./cycle-timer.ts";
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

/** Nodes that were looked at and refused; `nodes[i]` by `statuses[i]`. */
export interface RefusedNodes {
  readonly nodes: readonly NodeInfo[];
  readonly statuses: readonly Status[];
  /** What is true of all nodes that were not looked at. */
  readonly absent: Status | undefined;
}

/** The plugins that take part in this pod's cycle. */
export interface Cycle {
  readonly state: CycleState;
  readonly filters: readonly Plugin[];
  /** undefined: any node. */
  readonly nodeNames: ReadonlySet<string> | undefined;
  /** The plugins that gave `nodeNames`, by name. */
  readonly namedBy: readonly string[];
  /** Every filter signs: what happens on other nodes changes no answer. */
  readonly isLocal: boolean;
  /** What is known of pods equal to this one. */
  equals: EqualPods | undefined;
  /** Of the cycles that are measured. */
  readonly timer: CycleTimer | undefined;
}

export interface PostFilterResult {
  /** undefined: something was done and the pod may fit soon; the PostFilter plugins after this one are not asked. */
  readonly status: Status | undefined;
  /** The node the pod is promised; empty: none any more; undefined: as it was. */
  readonly nominatedNodeName?: string | undefined;
  /** What it began. The pod is not tried again before this has resolved, and at once if it rejects. */
  readonly underWay?: (signal: AbortSignal) => Promise<void>;
}

export interface PermitWait {
  readonly code: "Wait";
  /** After this the pod is refused; at most 15 minutes. */
  readonly timeoutMs: number;
}

/** Scores are whole or broken numbers from 0 to this, after `normalizeScore`. */
export const MAX_NODE_SCORE = 100;

/**
 * From QueueSort to Permit everything runs synchronously: a cycle sees one state of the cluster. PostFilter may go on
 * asynchronously. What is thrown is an error of the plugin: the pod is tried again after a back-off.
 */
export interface Plugin {
  readonly name: string;
  /** A pod that is refused here does not enter the active queue until an event brings it back here. */
  preEnqueue?(pod: PodInfo): Status | undefined;
  /** QueueSort: whether `a` is tried before `b`. One plugin of all profiles has it. */
  less?(a: QueuedPod, b: QueuedPod): boolean;
  preFilter?(state: CycleState, pod: PodInfo, snapshot: Snapshot): PreFilterResult | undefined;
  filter?(state: CycleState, pod: PodInfo, node: NodeInfo): Status | undefined;
  /**
   * All that this plugin's Filter asks of a pod, as text: it answers equally for pods of equal text on a node that has not
   * changed, whatever happens on other nodes. With it, equal pods that fit nowhere are answered together. Upstream's SignPod.
   */
  sign?(pod: PodInfo): string;
  /** Changes what PreFilter computed, as if `other` were on the node or gone from it; for preemption. */
  addPod?(state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo): void;
  removePod?(state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo): void;
  /** When no node fits. A status of code Unschedulable: the next PostFilter plugin is asked. */
  postFilter?(
    cycle: Cycle | undefined,
    pod: PodInfo,
    refused: RefusedNodes,
    snapshot: Snapshot,
    signal: AbortSignal,
  ): PostFilterResult | Promise<PostFilterResult>;
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
  /** A wait ends by `WaitingPod.allow`, `reject`, or its timeout. */
  permit?(state: CycleState, pod: PodInfo, nodeName: string): Status | PermitWait | undefined;
  /** "skip": PreBind has nothing to do for this pod. If any plugin has, the pod says at once where it is expected. */
  preBindPreFlight?(state: CycleState, pod: PodInfo, nodeName: string): "skip" | undefined;
  preBind?(
    state: CycleState,
    pod: PodInfo,
    nodeName: string,
    signal: AbortSignal,
  ): Promise<Status | undefined>;
  /** "skip": the next Bind plugin is asked. */
  bind?(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<"skip" | void>;
  postBind?(state: CycleState, pod: PodInfo, nodeName: string): void;
  /** The events that `queueingHint` is asked about. Absent: all. */
  readonly eventsToRegister?: readonly EventInterest[];
  /** Whether the event may help a pod that this plugin refused. Absent: no event does. */
  queueingHint?(event: ClusterEvent, pod: PodInfo): boolean;
}
