/** What a workload of scheduler_perf is made of. @module */
import type { PodTemplate } from "./pod-template.ts";

/** Pods that are there before the measured ones. */
export interface FirstPods {
  readonly template: PodTemplate;
  readonly count: number;
  /** `sched-0` if it is not said. */
  readonly namespace?: string;
  /** False: they never get a node, and nobody waits for them. */
  readonly isBound?: boolean;
  /** They go while the others are measured, so many in a second. */
  readonly deletedPerSecond?: number;
}

/** Objects that are made while pods are measured. */
export interface Churn {
  /** `recreate`: the objects of one round go before the next. */
  readonly mode: "create" | "recreate";
  readonly intervalMs: number;
  readonly pod: PodTemplate;
  /** A node without room, and a service. */
  readonly withOthers?: boolean;
}

export interface Workload {
  readonly name: string;
  readonly nodes: number;
  /** Nodes take these in turn as their zone. */
  readonly zones?: readonly string[];
  /** A node called `scheduler-perf-node` with room for 90,000 pods, besides the others. */
  readonly hasLargeNode?: boolean;
  /** More nodes, with a taint. */
  readonly taintedNodes?: number;
  /** Volumes of ebs.csi.aws.com that a node can attach; `isMigrated`: also those of the in-tree plugin count. */
  readonly csiLimit?: { readonly count: number; readonly isMigrated: boolean };
  /** Every node has one of an extended resource of its own. */
  readonly hasExtendedResources?: boolean;
  /** Every node has devices, and so many classes stand for extended resources that they back. */
  readonly devices?: { readonly perNode: number; readonly classes: number };
  /** Selects `app: scheduler-perf` in the namespace of the measured pods. */
  readonly hasService?: boolean;
  /** Namespaces with the label `team: devops`; the first pods are spread over them, the measured ones are in one more. */
  readonly initNamespaces?: number;
  readonly first?: readonly FirstPods[];
  readonly churn?: Churn;
  readonly measured: PodTemplate;
  readonly measurePods: number;
  /** pods/s: the floor that upstream holds itself to, and ours. */
  readonly peer?: number;
  readonly target?: number;
}

/** The same with fewer nodes and pods. */
export function scaled(workload: Workload, factor: number): Workload {
  const size = (count: number): number => Math.ceil(count * factor);
  const { nodes, measurePods, first = [], taintedNodes = 0 } = workload;
  return {
    ...workload,
    nodes: size(nodes),
    taintedNodes: size(taintedNodes),
    measurePods: size(measurePods),
    first: first.map((pods) => ({ ...pods, count: size(pods.count) })),
  };
}
