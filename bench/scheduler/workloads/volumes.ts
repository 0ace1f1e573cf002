/** Of scheduler_perf's folder `volumes`. @module */
import {
  podDefault,
  podHighPriority,
  podLowPriority,
  podWithSecretVolume,
  type PodTemplate,
} from "../pod-template.ts";
import type { Workload } from "../workload.ts";

const nodes = 5_000;
const inTree: PodTemplate = { ...podDefault, volume: "in-tree" };
const csi: PodTemplate = { ...podDefault, volume: "csi" };

export const volumes: readonly Workload[] = [
  {
    name: "SchedulingSecrets/5000Nodes_10000Pods",
    nodes,
    first: [{ template: podWithSecretVolume, count: 1_000 }],
    measured: podWithSecretVolume,
    measurePods: 10_000,
    peer: 790,
  },
  {
    name: "SchedulingInTreePVs/5000Nodes_2000Pods",
    nodes,
    first: [{ template: inTree, count: 1_000 }],
    measured: inTree,
    measurePods: 2_000,
    peer: 290,
  },
  {
    name: "SchedulingMigratedInTreePVs/5000Nodes_5000Pods",
    nodes,
    csiLimit: { count: 39, isMigrated: true },
    first: [{ template: inTree, count: 5_000 }],
    measured: inTree,
    measurePods: 5_000,
    peer: 100,
  },
  {
    name: "SchedulingCSIPVs/5000Nodes_5000Pods",
    nodes,
    csiLimit: { count: 39, isMigrated: false },
    first: [{ template: csi, count: 5_000 }],
    measured: csi,
    measurePods: 5_000,
    peer: 100,
  },
  {
    name: "PreemptionPVs/1000Nodes",
    nodes: 1_000,
    first: [{ template: podLowPriority, count: 4_000 }],
    measured: { ...podHighPriority, volume: "in-tree" },
    measurePods: 1_000,
  },
];
