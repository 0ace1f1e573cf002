/** Workloads of upstream's scheduler_perf, by the same names, shapes and numbers. @module */
import type { Pod } from "#api/core/v1/types.gen";

export interface PodTemplate {
  readonly generateName: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: Partial<NonNullable<Pod["spec"]>>;
  readonly cpu?: string;
  readonly memory?: string;
  /** Every pod has a claim that is bound to a volume of its own. */
  readonly volume?: "in-tree" | "csi";
}

export interface Workload {
  readonly name: string;
  readonly nodes: number;
  /** Nodes take these in turn as their zone. */
  readonly zones: readonly string[];
  readonly initPods: number;
  readonly init: PodTemplate;
  readonly measurePods: number;
  readonly measured: PodTemplate;
  /** The first pods never get a node: nobody waits for them. */
  readonly initNeverBound?: boolean;
  /** Namespaces besides the usual two, with labels; the first pods are spread over them. */
  readonly initNamespaces?: { readonly count: number; readonly labels: Readonly<Record<string, string>> };
  /** Nodes, services and pods that cannot be placed come and go all the while. */
  readonly hasChurn?: boolean;
  /** Only the first node is untainted, it has room for all, and the pods name it. */
  readonly isDaemonSet?: boolean;
  /** pods/s: upstream's own floor, and ours. */
  readonly peer?: number;
  readonly target?: number;
}

export const plain: PodTemplate = { generateName: "pod-" };
const blue = { color: "blue" };
const green = { color: "green" };
const namespaces = ["sched-1", "sched-0"];

export const affinity: PodTemplate = {
  generateName: "affinity-pod-",
  labels: blue,
  spec: {
    affinity: {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: blue }, topologyKey: "topology.kubernetes.io/zone", namespaces },
        ],
      },
    },
  },
};

const antiAffinity: PodTemplate = {
  generateName: "anti-affinity-pod-",
  labels: green,
  spec: {
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: green }, topologyKey: "kubernetes.io/hostname", namespaces },
        ],
      },
    },
  },
};

const nodeAffinity: PodTemplate = {
  generateName: "node-affinity-",
  spec: {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            {
              matchExpressions: [
                { key: "topology.kubernetes.io/zone", operator: "In", values: ["zone1", "zone2"] },
              ],
            },
          ],
        },
      },
    },
  },
};

export const spreading: PodTemplate = {
  generateName: "spreading-pod-",
  labels: blue,
  spec: {
    topologySpreadConstraints: [
      {
        maxSkew: 5,
        topologyKey: "topology.kubernetes.io/zone",
        whenUnsatisfiable: "DoNotSchedule",
        labelSelector: { matchLabels: blue },
      },
    ],
  },
};

const lowPriority: PodTemplate = {
  generateName: "pod-",
  cpu: "900m",
  spec: { terminationGracePeriodSeconds: 0 },
};
const highPriority: PodTemplate = { generateName: "pod-high-priority-", cpu: "3", spec: { priority: 10 } };

const unplaceable: PodTemplate = { generateName: "pod-large-cpu-", cpu: "9" };
const gated: PodTemplate = {
  generateName: "gated-pod-",
  spec: { schedulingGates: [{ name: "test.k8s.io/hold" }] },
};
const onFirstNode: PodTemplate = {
  generateName: "daemonset-pod-",
  cpu: "1m",
  memory: "1Mi",
  spec: {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            { matchFields: [{ key: "metadata.name", operator: "In", values: ["scheduler-perf-0"] }] },
          ],
        },
      },
    },
  },
};
const antiAffinityOfTeam: PodTemplate = {
  generateName: "anti-affinity-ns-pod-",
  labels: green,
  spec: {
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            labelSelector: { matchLabels: green },
            topologyKey: "kubernetes.io/hostname",
            namespaceSelector: { matchLabels: { team: "devops" } },
          },
        ],
      },
    },
  },
};

const moons = ["moon-1", "moon-2", "moon-3"];
const nodes = 5_000;

export const workloads: readonly Workload[] = [
  {
    name: "SchedulingBasic/5000Nodes_10000Pods",
    nodes,
    zones: [],
    initPods: 1_000,
    init: plain,
    measurePods: 10_000,
    measured: plain,
    peer: 680,
    target: 2_000,
  },
  {
    name: "SchedulingPodAffinity/5000Nodes_5000Pods",
    nodes,
    zones: ["zone1"],
    initPods: 5_000,
    init: affinity,
    measurePods: 5_000,
    measured: affinity,
    peer: 70,
    target: 700,
  },
  {
    name: "SchedulingPodAntiAffinity/5000Nodes_2000Pods",
    nodes,
    zones: [],
    initPods: 1_000,
    init: antiAffinity,
    measurePods: 2_000,
    measured: antiAffinity,
    peer: 180,
    target: 700,
  },
  {
    name: "TopologySpreading/5000Nodes_5000Pods",
    nodes,
    zones: moons,
    initPods: 5_000,
    init: plain,
    measurePods: 5_000,
    measured: spreading,
    peer: 460,
    target: 1_500,
  },
  {
    name: "SchedulingNodeAffinity/5000Nodes_10000Pods",
    nodes,
    zones: ["zone1"],
    initPods: 5_000,
    init: nodeAffinity,
    measurePods: 10_000,
    measured: nodeAffinity,
    peer: 540,
    target: 2_000,
  },
  {
    name: "PreemptionBasic/1000Nodes",
    nodes: 1_000,
    zones: [],
    initPods: 4_000,
    init: lowPriority,
    measurePods: 1_000,
    measured: highPriority,
    peer: 570,
    target: 1_000,
  },
  {
    name: "PreemptionPVs/500Nodes",
    nodes: 500,
    zones: [],
    initPods: 2_000,
    init: lowPriority,
    measurePods: 500,
    measured: { ...highPriority, volume: "csi" },
  },
  {
    name: "Unschedulable/5kNodes_100Init_10kPods",
    nodes,
    zones: [],
    initPods: 100,
    init: unplaceable,
    initNeverBound: true,
    measurePods: 10_000,
    measured: plain,
  },
  {
    name: "SchedulingWithMixedChurn/5000Nodes_10000Pods",
    nodes,
    zones: [],
    initPods: 0,
    init: plain,
    measurePods: 10_000,
    measured: plain,
    hasChurn: true,
  },
  {
    name: "SchedulingDaemonset/15000Nodes",
    nodes: 15_000,
    zones: [],
    initPods: 0,
    init: plain,
    measurePods: 3_000,
    measured: onFirstNode,
    isDaemonSet: true,
  },
  {
    name: "SchedulingWhileGated/1Node_10000GatedPods",
    nodes: 100,
    zones: [],
    initPods: 10_000,
    init: gated,
    initNeverBound: true,
    measurePods: 10_000,
    measured: { ...plain, cpu: "1m", memory: "1Mi" },
  },
  {
    name: "SchedulingInTreePVs/5000Nodes_2000Pods",
    nodes,
    zones: [],
    initPods: 1_000,
    init: { ...plain, volume: "in-tree" },
    measurePods: 2_000,
    measured: { ...plain, volume: "in-tree" },
  },
  {
    name: "SchedulingCSIPVs/5000Nodes_2000Pods",
    nodes,
    zones: [],
    initPods: 1_000,
    init: { ...plain, volume: "csi" },
    measurePods: 2_000,
    measured: { ...plain, volume: "csi" },
  },
  {
    name: "SchedulingRequiredPodAntiAffinityWithNSSelector/5000Nodes_2000Pods",
    nodes,
    zones: [],
    initPods: 1_000,
    init: antiAffinityOfTeam,
    initNamespaces: { count: 100, labels: { team: "devops" } },
    measurePods: 2_000,
    measured: antiAffinityOfTeam,
  },
];

/** The same with fewer nodes and pods. */
export function scaled(workload: Workload, factor: number): Workload {
  const size = (count: number): number => Math.ceil(count * factor);
  const { nodes: all, initPods, measurePods } = workload;
  return { ...workload, nodes: size(all), initPods: size(initPods), measurePods: size(measurePods) };
}

export function newPod(
  { generateName, labels = {}, spec = {}, cpu = "100m", memory = "500Mi", volume }: PodTemplate,
  i: number,
  namespace: string,
): Pod {
  const resources = { requests: { cpu, memory }, limits: { cpu, memory } };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `${generateName}${i}`, namespace, labels },
    spec: {
      containers: [
        { name: "pause", image: "registry.k8s.io/pause:3.10.2", ports: [{ containerPort: 80 }], resources },
      ],
      ...spec,
      ...(volume !== undefined && {
        volumes: [{ name: "vol", persistentVolumeClaim: { claimName: `${generateName}${i}` } }],
      }),
    },
  };
}
