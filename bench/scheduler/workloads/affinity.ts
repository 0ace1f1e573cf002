/** Of scheduler_perf's folder `affinity`. @module */
import {
  gatedPodWithPodAffinity,
  podAffinityNsSelector,
  podAntiAffinityNsSelector,
  podDefault,
  podPreferredAffinityNsSelector,
  podPreferredAntiAffinityNsSelector,
  podWithLabel,
  podWithNodeAffinity,
  podWithPodAffinity,
  podWithPodAntiAffinity,
  podWithPodAntiAffinityLabel,
  podWithPreferredPodAffinity,
  podWithPreferredPodAntiAffinity,
  type PodTemplate,
} from "../pod-template.ts";
import type { Workload } from "../workload.ts";

const nodes = 5_000;
const zones = ["zone1"];

/** The first pods are spread over 100 namespaces. */
function withNsSelector(
  name: string,
  template: PodTemplate,
  perNamespace: number,
  rest: Pick<Workload, "nodes" | "measurePods" | "peer" | "zones">,
): Workload {
  const initNamespaces = 100;
  const first = [{ template, count: perNamespace * initNamespaces }];
  return { name, initNamespaces, first, measured: template, ...rest };
}

export const affinity: readonly Workload[] = [
  {
    name: "SchedulingPodAntiAffinity/5000Nodes_2000Pods",
    nodes,
    first: [{ template: podWithPodAntiAffinity, count: 1_000 }],
    measured: podWithPodAntiAffinity,
    measurePods: 2_000,
    peer: 180,
    target: 700,
  },
  {
    name: "SchedulingPodMatchingAntiAffinity/5000Nodes_5000Pods",
    nodes,
    first: [{ template: podWithPodAntiAffinity, count: 1_000 }],
    measured: podWithPodAntiAffinityLabel,
    measurePods: 5_000,
    peer: 540,
  },
  {
    name: "SchedulingPodAffinity/5000Nodes_5000Pods",
    nodes,
    zones,
    first: [{ template: podWithPodAffinity, count: 5_000 }],
    measured: podWithPodAffinity,
    measurePods: 5_000,
    peer: 70,
    target: 700,
  },
  {
    name: "SchedulingPreferredPodAffinity/5000Nodes_5000Pods",
    nodes,
    first: [{ template: podWithPreferredPodAffinity, count: 5_000 }],
    measured: podWithPreferredPodAffinity,
    measurePods: 5_000,
    peer: 90,
  },
  {
    name: "SchedulingPreferredPodAntiAffinity/5000Nodes_5000Pods",
    nodes,
    first: [{ template: podWithPreferredPodAntiAffinity, count: 5_000 }],
    measured: podWithPreferredPodAntiAffinity,
    measurePods: 5_000,
    peer: 90,
  },
  {
    name: "SchedulingNodeAffinity/5000Nodes_10000Pods",
    nodes,
    zones,
    first: [{ template: podWithNodeAffinity, count: 5_000 }],
    measured: podWithNodeAffinity,
    measurePods: 10_000,
    peer: 540,
    target: 2_000,
  },
  {
    name: "MixedSchedulingBasePod/5000Nodes_5000Pods",
    nodes,
    zones,
    first: [
      podDefault,
      podWithPodAffinity,
      podWithPodAntiAffinity,
      podWithPreferredPodAffinity,
      podWithPreferredPodAntiAffinity,
    ].map((template) => ({ template, count: 2_000 })),
    measured: podDefault,
    measurePods: 5_000,
    peer: 140,
  },
  withNsSelector(
    "SchedulingRequiredPodAntiAffinityWithNSSelector/5000Nodes_2000Pods",
    podAntiAffinityNsSelector,
    40,
    { nodes: 6_000, measurePods: 2_000, peer: 24 },
  ),
  withNsSelector(
    "SchedulingPreferredAntiAffinityWithNSSelector/5000Nodes_2000Pods",
    podPreferredAntiAffinityNsSelector,
    40,
    { nodes, measurePods: 2_000, peer: 55 },
  ),
  withNsSelector(
    "SchedulingRequiredPodAffinityWithNSSelector/5000Nodes_2000Pods",
    podAffinityNsSelector,
    50,
    { nodes, zones, measurePods: 2_000, peer: 35 },
  ),
  withNsSelector(
    "SchedulingPreferredAffinityWithNSSelector/5000Nodes_5000Pods",
    podPreferredAffinityNsSelector,
    50,
    { nodes, measurePods: 5_000, peer: 90 },
  ),
  {
    name: "SchedulingGatedPodsWithPodAffinityImpactForThroughput/1Node_10000GatedPods",
    nodes: 0,
    hasLargeNode: true,
    first: [{ template: gatedPodWithPodAffinity, count: 10_000, isBound: false }],
    measured: podWithLabel,
    measurePods: 20_000,
    peer: 110,
  },
];
