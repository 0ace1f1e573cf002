/** A pod with everything the plugins ask of it, computed once. @module */
import type { Pod } from "#api/core/v1/types.gen";
import { controllerOf, keyOf, labels, type ObjectKey } from "#apimachinery";
import { claimRefs, type ClaimRef } from "./claim-refs.ts";
import { podRequests } from "./pod-requests.ts";
import type { Resources } from "./resources.ts";

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

export interface AffinityTerm {
  /** Terms with equal keys are equal. */
  readonly key: string;
  /** undefined: every namespace. */
  readonly namespaces: ReadonlySet<string>;
  readonly namespaceSelector: labels.Selector | undefined;
  readonly selector: labels.Selector;
  readonly topologyKey: string;
  /** Of preferred terms. */
  readonly weight: number;
}

export interface PodInfo {
  readonly key: ObjectKey;
  readonly uid: string;
  readonly namespace: string;
  readonly pod: Pod;
  readonly labels: labels.Labels;
  /** Equal for pods that no selector can tell apart: namespace, labels, owner, being deleted. */
  readonly groupKey: string;
  readonly isTerminating: boolean;
  /** uid of the controlling owner. */
  readonly owner: string | undefined;
  readonly priority: number;
  /** When its kubelet took it up, ms since 1970; very late if it has not. */
  readonly startMs: number;
  /** What the pod needs: the larger of its init phase and its run phase, plus overhead. */
  readonly requests: Readonly<Resources>;
  /** The same with upstream's floor for containers that ask nothing, so that they spread too. */
  readonly nonZero: Readonly<Resources>;
  readonly hostPorts: readonly HostPort[];
  /** Of its volumes. */
  readonly claims: readonly ClaimRef[];
  readonly requiredAffinity: readonly AffinityTerm[];
  readonly requiredAntiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly AffinityTerm[];
  readonly preferredAntiAffinity: readonly AffinityTerm[];
  /** Of any of the four kinds. */
  readonly hasAffinity: boolean;
}

export function podInfo(pod: Pod): PodInfo {
  const namespace = pod.metadata.namespace ?? "";
  const affinity = pod.spec?.affinity;
  const required = (list: readonly PodAffinityTerm[] | undefined): readonly AffinityTerm[] =>
    (list ?? []).map((term) => affinityTerm(pod, term, 1));
  const preferred = (list: readonly WeightedTerm[] | undefined): readonly AffinityTerm[] =>
    (list ?? []).map(({ weight, podAffinityTerm }) => affinityTerm(pod, podAffinityTerm, weight));
  const owner = controllerOf(pod)?.uid;
  const isTerminating = pod.metadata.deletionTimestamp !== undefined;
  const startTime = pod.status?.startTime;
  const ownLabels = pod.metadata.labels ?? {};
  return {
    key: keyOf(pod),
    uid: pod.metadata.uid ?? "",
    namespace,
    pod,
    labels: ownLabels,
    groupKey: interned(JSON.stringify([namespace, owner, isTerminating, Object.entries(ownLabels).flat()])),
    isTerminating,
    owner,
    priority: pod.spec?.priority ?? 0,
    startMs: startTime === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(startTime),
    requests: podRequests(pod, false),
    nonZero: podRequests(pod, true),
    hostPorts: hostPortsOf(pod),
    claims: claimRefs(pod),
    requiredAffinity: required(affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    requiredAntiAffinity: required(affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferredAffinity: preferred(affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    preferredAntiAffinity: preferred(
      affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution,
    ),
    hasAffinity: affinity?.podAffinity !== undefined || affinity?.podAntiAffinity !== undefined,
  };
}

const groupKeys = new Map<string, string>();
/** Group keys remembered; pods of more groups than that are compared letter by letter. */
const GROUP_KEYS_MAX = 10_000;

/** One string for all equal ones: maps find it by its address. */
function interned(key: string): string {
  const known = groupKeys.get(key);
  if (known !== undefined) return known;
  if (groupKeys.size >= GROUP_KEYS_MAX) groupKeys.clear();
  groupKeys.set(key, key);
  return key;
}

type PodSpec = NonNullable<Pod["spec"]>;
type PodAffinity = NonNullable<NonNullable<PodSpec["affinity"]>["podAffinity"]>;
type PodAffinityTerm = NonNullable<PodAffinity["requiredDuringSchedulingIgnoredDuringExecution"]>[number];
type WeightedTerm = NonNullable<PodAffinity["preferredDuringSchedulingIgnoredDuringExecution"]>[number];

function hostPortsOf(pod: Pod): readonly HostPort[] {
  return [
    ...(pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === "Always"),
    ...(pod.spec?.containers ?? []),
  ]
    .flatMap((container) => container.ports ?? [])
    .filter((port) => (port.hostPort ?? 0) > 0)
    .map((port) => ({
      ip: port.hostIP ?? "0.0.0.0",
      protocol: port.protocol ?? "TCP",
      port: port.hostPort!,
    }));
}

function affinityTerm(pod: Pod, term: PodAffinityTerm, weight: number): AffinityTerm {
  // matchLabelKeys and mismatchLabelKeys are part of the selector since the API server took the pod
  const selector = labels.fromLabelSelector(term.labelSelector);
  const named = term.namespaces ?? [];
  const isOwnOnly = named.length === 0 && term.namespaceSelector === undefined;
  const namespaces = isOwnOnly ? [pod.metadata.namespace ?? ""] : named;
  const namespaceSelector = term.namespaceSelector && labels.fromLabelSelector(term.namespaceSelector);
  const { topologyKey } = term;
  return {
    key: JSON.stringify([topologyKey, namespaces, namespaceSelector, selector, weight]),
    namespaces: new Set(namespaces),
    namespaceSelector,
    selector,
    topologyKey,
    weight,
  };
}

/** Whether `other` is one of the pods a term speaks of. `namespaceLabels` gives the labels of a namespace. */
export function termMatches(
  term: AffinityTerm,
  other: PodInfo,
  namespaceLabels: (namespace: string) => labels.Labels,
): boolean {
  const inNamespace =
    term.namespaces.has(other.namespace) ||
    (term.namespaceSelector !== undefined &&
      labels.matches(term.namespaceSelector, namespaceLabels(other.namespace)));
  return inNamespace && labels.matches(term.selector, other.labels);
}
