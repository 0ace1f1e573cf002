/** A node with the sums over its pods, kept up to date pod by pod. @module */
import type { Node, Taint } from "#api/core/v1/types.gen";
import { jsonEqual, type labels } from "#apimachinery";
import type { PodInfo } from "./pod-info.ts";
import type { PodIndex } from "./pod-index.ts";
import { addResources, equalResources, noResources, readResources, type Resources } from "./resources.ts";

/** Given to one state of one node and to no other. */
let lastGeneration = 0;

/** Numbers are plain fields of one shape: a full scan of thousands of nodes reads nothing else. */
export class NodeInfo {
  readonly name: string;
  /** Its place in the tables of the index, given by it. */
  slot = -1;
  /** Another one after every change that a plugin could see. */
  generation: number = ++lastGeneration;
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
  /** `protocol port` -> host address -> how many use it. */
  readonly usedPorts: Map<string, Map<string, number>> = new Map();

  readonly #index: PodIndex;

  constructor(node: Node, index: PodIndex) {
    this.name = node.metadata.name;
    this.node = node;
    this.#index = index;
    this.#read(node);
    index.addNode(this);
  }

  setNode(node: Node): void {
    const isMoved =
      !jsonEqual(this.labels, node.metadata.labels ?? {}) ||
      !jsonEqual(this.node.spec?.taints, node.spec?.taints);
    if (isMoved) this.#leaveIndex();
    this.#read(node);
    if (!isMoved) return;
    this.#index.addNode(this);
    for (const pod of this.pods.values()) this.#index.addPod(pod, this);
  }

  /** The node is gone; its pods count nowhere. */
  close(): void {
    this.#leaveIndex();
  }

  #leaveIndex(): void {
    for (const pod of this.pods.values()) this.#index.removePod(pod, this);
    this.#index.removeNode(this);
  }

  /** Something about it that is kept elsewhere has changed: who is promised room here. */
  touch(): void {
    this.generation = ++lastGeneration;
  }

  #read(node: Node): void {
    this.touch();
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
    this.tryAdd(pod);
    this.#index.addPod(pod, this);
    this.touch();
  }

  /** Adds without telling the index: `tryRemove` has to follow before anybody looks at other nodes. And the other way round. */
  tryAdd(pod: PodInfo): void {
    this.pods.set(pod.uid, pod);
    this.#count(pod, 1);
  }

  tryRemove(pod: PodInfo): void {
    this.pods.delete(pod.uid);
    this.#count(pod, -1);
  }

  /** A newer state of a pod that is here; false if it counts differently and has to be removed and added. */
  replace(pod: PodInfo): boolean {
    const old = this.pods.get(pod.uid);
    if (old === undefined || old.groupKey !== pod.groupKey || !equalResources(old.requests, pod.requests))
      return false;
    this.pods.set(pod.uid, pod);
    this.touch();
    return true;
  }

  /** No effect if the pod is not here. */
  remove(uid: string): void {
    const pod = this.pods.get(uid);
    if (pod === undefined) return;
    this.tryRemove(pod);
    this.#index.removePod(pod, this);
    this.touch();
  }

  #count(pod: PodInfo, sign: 1 | -1): void {
    addResources(this.requested, pod.requests, sign);
    addResources(this.nonZeroRequested, pod.nonZero, sign);
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
