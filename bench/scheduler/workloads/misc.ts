/** Of scheduler_perf's folder `misc`. @module */
import {
  daemonsetPod,
  gatedPod,
  lightPod,
  podDefault,
  podHighPriority,
  podHighPriorityLargeCpu,
  podLowPriority,
  podWithFinalizer,
} from "../pod-template.ts";
import type { Churn, Workload } from "../workload.ts";

const nodes = 5_000;
/** Five a second that fit nowhere. */
const unschedulable: Churn = { mode: "create", intervalMs: 200, pod: podHighPriorityLargeCpu };

export const misc: readonly Workload[] = [
  {
    name: "SchedulingBasic/5000Nodes_10000Pods",
    nodes,
    first: [{ template: podDefault, count: 1_000 }],
    measured: podDefault,
    measurePods: 10_000,
    peer: 680,
    target: 2_000,
  },
  {
    name: "SchedulingBasic/5000Nodes_50000Pods",
    nodes,
    first: [{ template: podDefault, count: 5_000 }],
    measured: podDefault,
    measurePods: 50_000,
    peer: 810,
    target: 2_000,
  },
  {
    name: "SchedulingDaemonset/15000Nodes",
    nodes: 15_000,
    hasLargeNode: true,
    measured: daemonsetPod,
    measurePods: 30_000,
    peer: 1_100,
  },
  {
    name: "PreemptionBasic/1000Nodes",
    nodes: 1_000,
    first: [{ template: podLowPriority, count: 4_000 }],
    measured: podHighPriority,
    measurePods: 1_000,
    target: 1_000,
  },
  {
    name: "PreemptionAsync/5000Nodes",
    nodes,
    first: [{ template: podLowPriority, count: 20_000 }],
    churn: { mode: "create", intervalMs: 200, pod: podHighPriority },
    measured: podDefault,
    measurePods: 5_000,
    peer: 570,
    target: 1_000,
  },
  {
    name: "Unschedulable/5kNodes/100Init/10kPods",
    nodes,
    first: [{ template: podDefault, count: 100 }],
    churn: unschedulable,
    measured: podDefault,
    measurePods: 10_000,
    peer: 590,
  },
  {
    name: "Unschedulable/5kNodes/20kInit/10kPods",
    nodes,
    first: [{ template: podDefault, count: 20_000 }],
    churn: unschedulable,
    measured: podDefault,
    measurePods: 10_000,
    peer: 600,
  },
  {
    name: "SchedulingWithMixedChurn/5000Nodes_10000Pods",
    nodes,
    churn: { mode: "recreate", intervalMs: 1_000, pod: podHighPriorityLargeCpu, withOthers: true },
    measured: podDefault,
    measurePods: 10_000,
    peer: 710,
  },
  {
    name: "SchedulingWhileGated/1Node_10000GatedPods",
    nodes: 0,
    hasLargeNode: true,
    first: [
      { template: gatedPod, count: 10_000, isBound: false },
      { template: lightPod, count: 20_000, deletedPerSecond: 50 },
    ],
    measured: lightPod,
    measurePods: 20_000,
    peer: 910,
  },
  {
    name: "SchedulingDeletedPodsWithFinalizers/5000Node_5000DeletingPods",
    nodes,
    first: [{ template: podWithFinalizer, count: 5_000, isBound: false, deletedPerSecond: 100 }],
    measured: lightPod,
    measurePods: 5_000,
    peer: 830,
  },
  {
    name: "SchedulingWithExtendedResource/5000pods_5000nodes",
    nodes,
    hasExtendedResources: true,
    measured: { generateName: "test-extended-resource-", extendedResource: (i) => `foo.com/bar-${i}` },
    measurePods: 5_000,
    peer: 180,
  },
];
