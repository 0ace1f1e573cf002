/** On which nodes a DaemonSet runs, and what its pods look like there. @module */
import type { DaemonSet } from "#api/apps/v1/types.gen";
import { DaemonSets } from "#api/apps/v1/daemonset";
import { matchesNodeAffinity, selectableNode } from "#api/core/v1/node-selector";
import { tolerates } from "#api/core/v1/tolerations";
import type { Node, Pod, PodSpec, Toleration } from "#api/core/v1/types.gen";
import { podFromTemplate } from "../pod-control.ts";

export const REVISION_HASH = "controller-revision-hash";

/** Daemons serve the node itself, whatever state it is in. */
const ALWAYS_TOLERATED: readonly Toleration[] = [
  { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/disk-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/pid-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" },
];
const HOST_NETWORK_TOLERATED: Toleration = {
  key: "node.kubernetes.io/network-unavailable",
  operator: "Exists",
  effect: "NoSchedule",
};

export interface Eligibility {
  /** A pod belongs there. */
  readonly shouldRun: boolean;
  /** A pod that is there already may stay. */
  readonly shouldContinue: boolean;
}

export function eligibility(ds: DaemonSet, node: Node): Eligibility {
  const spec = ds.spec?.template.spec;
  const nodeName = spec?.nodeName ?? "";
  const isOther = nodeName !== "" && nodeName !== node.metadata.name;
  const isSelected = !isOther && matchesNodeAffinity(spec, selectableNode(node));
  if (!isSelected) return { shouldRun: false, shouldContinue: false };
  const tolerations = tolerationsOf(spec);
  const untolerated = (node.spec?.taints ?? []).filter(
    (taint) => !tolerations.some((t) => tolerates(t, taint)),
  );
  const effects = untolerated.map(({ effect }) => effect);
  const shouldContinue = !effects.includes("NoExecute");
  return { shouldRun: shouldContinue && !effects.includes("NoSchedule"), shouldContinue };
}

function tolerationsOf(spec: PodSpec | undefined): readonly Toleration[] {
  const always =
    spec?.hostNetwork === true ? [...ALWAYS_TOLERATED, HOST_NETWORK_TOLERATED] : ALWAYS_TOLERATED;
  const own = spec?.tolerations ?? [];
  const missing = always.filter((t) => !own.some(({ key, effect }) => key === t.key && effect === t.effect));
  return [...own, ...missing];
}

/** The pod for one node: bound to it by affinity, so that the scheduler still checks what only it knows. */
export function daemonPod(ds: DaemonSet, nodeName: string, hash: string): Pod {
  const pod = podFromTemplate(ds.spec!.template, ds, DaemonSets);
  const labels = { ...pod.metadata.labels, [REVISION_HASH]: hash };
  const { affinity } = pod.spec!;
  const matchFields = [{ key: "metadata.name", operator: "In", values: [nodeName] }];
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [
    {},
  ];
  const nodeAffinity = {
    ...affinity?.nodeAffinity,
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: terms.map((term) => ({ ...term, matchFields })),
    },
  };
  const spec = {
    ...pod.spec!,
    affinity: { ...affinity, nodeAffinity },
    tolerations: tolerationsOf(pod.spec),
  };
  return { ...pod, metadata: { ...pod.metadata, labels }, spec };
}

/** Where the pod is, or is meant to be; undefined for a pod that names no node at all. */
export function nodeNameOf({ spec }: Pod): string | undefined {
  if ((spec?.nodeName ?? "") !== "") return spec!.nodeName;
  const terms =
    spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const fields = terms.flatMap(({ matchFields = [] }) => matchFields);
  return fields.find(({ key, operator }) => key === "metadata.name" && operator === "In")?.values?.[0];
}
