/** A node with the sums over its pods, kept up to date pod by pod. @module */
import type { Node, Taint } from "#api/core/v1/types.gen";
import type { labels } from "#apimachinery";
import type { PodInfo } from "./pod-info.ts";
import { addResources, noResources, readResources, type Resources } from "./resources.ts";

/** Numbers are plain fields of one shape: a full scan of thousands of nodes reads nothing else. */
export class NodeInfo {
  readonly name: string;
  node: Node;
  labels: labels.Labels = {};
  /** Those that keep pods away; the rest matter to nobody here. */
  hardTaints: readonly Taint[] = [];
  softTaints: readonly Taint[] = [];
  isUnschedulable = false;
  allocatable: Resources = noResources();
  allowedPods = 0;
  /** Image name -> bytes. */
  images: ReadonlyMap<string, number> = new Map();
  readonly requested: Resources = noResources();
  readonly nonZeroRequested: Resources = noResources();
  readonly pods: Map<string, PodInfo> = new Map();
  /** Pods with affinity of any kind: others need not be looked at. */
  readonly podsWithAffinity: Set<PodInfo> = new Set();
  readonly podsWithRequiredAntiAffinity: Set<PodInfo> = new Set();
  /** uid of the controlling owner -> its pods here: spreading the pods of one workload needs no selector. */
  readonly podsByOwner: Map<string, number> = new Map();
  /** `protocol port` -> host address -> how many use it. */
  readonly usedPorts: Map<string, Map<string, number>> = new Map();

  constructor(node: Node) {
    this.name = node.metadata.name;
    this.node = node;
    this.setNode(node);
  }

  setNode(node: Node): void {
    this.node = node;
    this.labels = node.metadata.labels ?? {};
    const taints = node.spec?.taints ?? [];
    this.hardTaints = taints.filter(({ effect }) => effect === "NoSchedule" || effect === "NoExecute");
    this.softTaints = taints.filter(({ effect }) => effect === "PreferNoSchedule");
    this.isUnschedulable = node.spec?.unschedulable === true;
    const quantities = node.status?.allocatable ?? node.status?.capacity;
    this.allocatable = readResources(quantities);
    this.allowedPods = Number(quantities?.["pods"] ?? 0);
    this.images = new Map(
      (node.status?.images ?? []).flatMap((image) =>
        (image.names ?? []).map((name) => [name, image.sizeBytes ?? 0] as const),
      ),
    );
  }

  add(pod: PodInfo): void {
    this.pods.set(pod.uid, pod);
    this.#count(pod, 1);
    if (hasAffinity(pod)) this.podsWithAffinity.add(pod);
    if (pod.requiredAntiAffinity.length > 0) this.podsWithRequiredAntiAffinity.add(pod);
  }

  /** No effect if the pod is not here. */
  remove(uid: string): void {
    const pod = this.pods.get(uid);
    if (pod === undefined) return;
    this.pods.delete(uid);
    this.#count(pod, -1);
    this.podsWithAffinity.delete(pod);
    this.podsWithRequiredAntiAffinity.delete(pod);
  }

  #count(pod: PodInfo, sign: 1 | -1): void {
    addResources(this.requested, pod.requests, sign);
    addResources(this.nonZeroRequested, pod.nonZero, sign);
    if (pod.owner !== undefined) {
      const count = (this.podsByOwner.get(pod.owner) ?? 0) + sign;
      if (count > 0) this.podsByOwner.set(pod.owner, count);
      else this.podsByOwner.delete(pod.owner);
    }
    for (const { ip, protocol, port } of pod.hostPorts) {
      const key = `${protocol} ${port}`;
      const users = this.usedPorts.get(key) ?? new Map<string, number>();
      const count = (users.get(ip) ?? 0) + sign;
      if (count > 0) users.set(ip, count);
      else users.delete(ip);
      if (users.size > 0) this.usedPorts.set(key, users);
      else this.usedPorts.delete(key);
    }
  }
}

function hasAffinity(pod: PodInfo): boolean {
  return (
    pod.requiredAffinity.length > 0 ||
    pod.requiredAntiAffinity.length > 0 ||
    pod.preferredAffinity.length > 0 ||
    pod.preferredAntiAffinity.length > 0
  );
}
