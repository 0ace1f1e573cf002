/** Shapes of pods in upstream's scheduler_perf, by the names of its templates. @module */
import type { Pod, PodAffinityTerm, PodSpec } from "#api/core/v1/types.gen";

export interface PodTemplate {
  readonly generateName: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly spec?: Partial<PodSpec>;
  readonly cpu?: string;
  readonly memory?: string;
  /** Asks for nothing, and has no port. */
  readonly isLight?: boolean;
  /** One of this, by the number of the pod. */
  readonly extendedResource?: (i: number) => string;
  /** Every pod has a claim that is bound to a volume of its own. */
  readonly volume?: "in-tree" | "csi";
}

const HOSTNAME = "kubernetes.io/hostname";
const ZONE = "topology.kubernetes.io/zone";
const namespaces = ["sched-1", "sched-0"];
const devops = { namespaceSelector: { matchLabels: { team: "devops" } } };

const colored = (color: string, topologyKey: string, where: Partial<PodAffinityTerm>): PodAffinityTerm => ({
  labelSelector: { matchLabels: { color } },
  topologyKey,
  ...where,
});

function affinityOf(
  kind: "podAffinity" | "podAntiAffinity",
  term: PodAffinityTerm,
  isPreferred: boolean,
): Partial<PodSpec> {
  const terms = isPreferred
    ? { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term }] }
    : { requiredDuringSchedulingIgnoredDuringExecution: [term] };
  return { affinity: { [kind]: terms } };
}

function colorPod(
  generateName: string,
  color: string,
  kind: "podAffinity" | "podAntiAffinity",
  isPreferred: boolean,
  where: Partial<PodAffinityTerm> = { namespaces },
  topologyKey = HOSTNAME,
): PodTemplate {
  const spec = affinityOf(kind, colored(color, topologyKey, where), isPreferred);
  return { generateName, labels: { color }, spec };
}

function nodeAffinityTo(term: object): Partial<PodSpec> {
  const required = { nodeSelectorTerms: [term] };
  return { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } } };
}

function spreadingOver(
  topologyKey: string,
  whenUnsatisfiable: string,
  maxSkew: number,
  matchLabels: Readonly<Record<string, string>>,
  more: object = {},
): Partial<PodSpec> {
  const constraint = { maxSkew, topologyKey, whenUnsatisfiable, labelSelector: { matchLabels }, ...more };
  return { topologySpreadConstraints: [constraint] };
}

const blue = { color: "blue" };
const app = { app: "scheduler-perf" };

export const podDefault: PodTemplate = { generateName: "pod-" };
export const podWithPodAffinity: PodTemplate = colorPod(
  "affinity-pod-",
  "blue",
  "podAffinity",
  false,
  { namespaces },
  ZONE,
);
export const podWithPodAntiAffinity: PodTemplate = colorPod(
  "anti-affinity-pod-",
  "green",
  "podAntiAffinity",
  false,
);
export const podWithPodAntiAffinityLabel: PodTemplate = {
  generateName: "anti-affinity-matching-pod-",
  labels: { color: "green" },
};
export const podWithPreferredPodAffinity: PodTemplate = colorPod(
  "preferred-affinity-pod-",
  "red",
  "podAffinity",
  true,
);
export const podWithPreferredPodAntiAffinity: PodTemplate = colorPod(
  "preferred-anti-affinity-pod-",
  "yellow",
  "podAntiAffinity",
  true,
);
export const podAffinityNsSelector: PodTemplate = colorPod(
  "affinity-pod-",
  "blue",
  "podAffinity",
  false,
  devops,
  ZONE,
);
export const podAntiAffinityNsSelector: PodTemplate = colorPod(
  "anti-affinity-pod-",
  "green",
  "podAntiAffinity",
  false,
  devops,
);
export const podPreferredAffinityNsSelector: PodTemplate = colorPod(
  "preferred-affinity-pod-",
  "red",
  "podAffinity",
  true,
  devops,
);
export const podPreferredAntiAffinityNsSelector: PodTemplate = colorPod(
  "anti-affinity-pod-",
  "green",
  "podAntiAffinity",
  true,
  devops,
);
export const podWithNodeAffinity: PodTemplate = {
  generateName: "node-affinity-",
  spec: nodeAffinityTo({ matchExpressions: [{ key: ZONE, operator: "In", values: ["zone1", "zone2"] }] }),
};
export const podWithTopologySpreading: PodTemplate = {
  generateName: "spreading-pod-",
  labels: blue,
  spec: spreadingOver(ZONE, "DoNotSchedule", 5, blue),
};
export const podWithPreferredTopologySpreading: PodTemplate = {
  generateName: "spreading-pod-",
  labels: blue,
  spec: spreadingOver(ZONE, "ScheduleAnyway", 5, blue),
};
const foo = { foo: "bar" };
export const podWithNodeInclusionPolicy: PodTemplate = {
  generateName: "spreading-pod-with-node-inclusion-policy-",
  labels: foo,
  spec: spreadingOver(HOSTNAME, "DoNotSchedule", 1, foo, {
    nodeAffinityPolicy: "Honor",
    nodeTaintsPolicy: "Honor",
  }),
};
export const podLowPriority: PodTemplate = {
  generateName: "pod-low-priority-",
  cpu: "900m",
  spec: { terminationGracePeriodSeconds: 0 },
};
export const podHighPriority: PodTemplate = {
  generateName: "pod-high-priority-",
  cpu: "3",
  spec: { priority: 10 },
};
/** Larger than any node. */
export const podHighPriorityLargeCpu: PodTemplate = {
  generateName: "pod-h-",
  cpu: "9",
  spec: { priority: 10 },
};
export const podWithSecretVolume: PodTemplate = {
  generateName: "secret-volume-",
  spec: { volumes: [{ name: "secret", secret: { secretName: "secret" } }] },
};
export const daemonsetPod: PodTemplate = {
  generateName: "daemonset-",
  isLight: true,
  spec: nodeAffinityTo({
    matchFields: [{ key: "metadata.name", operator: "In", values: ["scheduler-perf-node"] }],
  }),
};
export const lightPod: PodTemplate = {
  generateName: "light-pod-",
  isLight: true,
  spec: { terminationGracePeriodSeconds: 0 },
};
export const gatedPod: PodTemplate = {
  generateName: "gated-pod-",
  isLight: true,
  spec: { schedulingGates: [{ name: "test.k8s.io/hold" }] },
};
export const gatedPodWithPodAffinity: PodTemplate = {
  generateName: "gated-pod-",
  isLight: true,
  labels: app,
  spec: {
    schedulingGates: [{ name: "scheduling-gate-1" }],
    ...affinityOf("podAffinity", { labelSelector: { matchLabels: app }, topologyKey: HOSTNAME }, false),
  },
};
export const podWithLabel: PodTemplate = { generateName: "pod-", isLight: true, labels: app };
export const podWithFinalizer: PodTemplate = {
  generateName: "pod-with-finalizer-",
  isLight: true,
  finalizers: ["test.k8s.io/finalizer"],
};

export function newPod(
  {
    generateName,
    labels = {},
    finalizers,
    spec = {},
    cpu = "100m",
    memory = "500Mi",
    isLight,
    extendedResource,
    volume,
  }: PodTemplate,
  i: number,
  namespace: string,
): Pod {
  const name = `${generateName}${i}`;
  const amounts = extendedResource === undefined ? { cpu, memory } : { [extendedResource(i)]: "1" };
  const resources = { requests: amounts, limits: amounts };
  const container = { name: "pause", image: "registry.k8s.io/pause:3.10.2" };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels, ...(finalizers !== undefined && { finalizers }) },
    spec: {
      containers: [
        isLight === true ? container : { ...container, ports: [{ containerPort: 80 }], resources },
      ],
      ...spec,
      ...(volume !== undefined && {
        volumes: [{ name: "vol", persistentVolumeClaim: { claimName: name } }],
      }),
    },
  };
}
