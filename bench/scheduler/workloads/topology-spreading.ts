/** Of scheduler_perf's folder `topology_spreading`. @module */
import {
  podDefault,
  podWithLabel,
  podWithNodeInclusionPolicy,
  podWithPreferredTopologySpreading,
  podWithTopologySpreading,
} from "../pod-template.ts";
import type { Workload } from "../workload.ts";

const nodes = 5_000;
const zones = ["moon-1", "moon-2", "moon-3"];
const first = [{ template: podDefault, count: 5_000 }];

export const topologySpreading: readonly Workload[] = [
  {
    name: "TopologySpreading/5000Nodes_5000Pods",
    nodes,
    zones,
    first,
    measured: podWithTopologySpreading,
    measurePods: 5_000,
    peer: 460,
    target: 1_500,
  },
  {
    name: "PreferredTopologySpreading/5000Nodes_5000Pods",
    nodes,
    zones,
    first,
    measured: podWithPreferredTopologySpreading,
    measurePods: 5_000,
    peer: 340,
  },
  {
    name: "DefaultTopologySpreading/5000Nodes_50000Pods",
    nodes,
    zones,
    hasService: true,
    first,
    measured: podWithLabel,
    measurePods: 50_000,
    peer: 160,
  },
  {
    name: "SchedulingWithNodeInclusionPolicy/5000Nodes",
    nodes: 4_000,
    taintedNodes: 1_000,
    measured: podWithNodeInclusionPolicy,
    measurePods: 4_000,
    peer: 270,
  },
];
