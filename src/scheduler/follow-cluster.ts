/** What informers tell goes into the scheduler's cache and queue. @module */
import { Namespaces } from "#api/core/v1/namespace";
import { Nodes } from "#api/core/v1/node";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { Pods } from "#api/core/v1/pod";
import { isPodTerminal } from "#api/core/v1/pod-state";
import type { Node, Pod } from "#api/core/v1/types.gen";
import { CSINodes } from "#api/storage/v1/csinode";
import { StorageClasses } from "#api/storage/v1/storageclass";
import { keyOf, type Kind, type KubeObject } from "#apimachinery";
import type { InformerFactory } from "#client";
import { podInfo } from "./cache/pod-info.ts";
import { isSmaller } from "./cache/resources.ts";
import type { SchedulerCache } from "./cache/scheduler-cache.ts";
import type { ClusterEvent } from "./framework/plugin.ts";
import type { NominatedPods } from "./preemption/nominated-pods.ts";
import type { SchedulingQueue } from "./queue/scheduling-queue.ts";

export interface Followers {
  readonly cache: SchedulerCache;
  readonly queue: SchedulingQueue;
  readonly nominated: NominatedPods;
  readonly schedulerName: string;
}

/** Until what it gives back is called. */
export function followCluster(informers: InformerFactory, followers: Followers): () => void {
  const removers = [
    followNamespaces(informers, followers),
    followNodes(informers, followers),
    followPods(informers, followers),
    follow(informers, PersistentVolumeClaims, "PersistentVolumeClaim", followers),
    follow(informers, PersistentVolumes, "PersistentVolume", followers),
    follow(informers, StorageClasses, "StorageClass", followers),
    follow(informers, CSINodes, "CSINode", followers),
  ];
  return () => removers.forEach((remove) => remove());
}

function followNamespaces(informers: InformerFactory, { cache }: Followers): () => void {
  return informers.informer(Namespaces).addEventHandler({
    onAdd: () => cache.index.namespacesChanged(),
    onUpdate(namespace, old) {
      if (!isEqual(namespace.metadata.labels, old.metadata.labels)) cache.index.namespacesChanged();
    },
  });
}

/** Objects that only plugins look at. */
function follow<T extends KubeObject>(
  informers: InformerFactory,
  kind: Kind<T>,
  resource: ClusterEvent["resource"],
  { queue }: Followers,
): () => void {
  const tell = (action: ClusterEvent["action"], object: T): void =>
    queue.move({ resource, action, key: keyOf(object) });
  return informers.informer(kind).addEventHandler({
    onAdd: (object) => tell("add", object),
    onUpdate: (object) => tell("update", object),
    onDelete: (object) => tell("delete", object),
  });
}

function followNodes(informers: InformerFactory, { cache, queue }: Followers): () => void {
  return informers.informer(Nodes).addEventHandler({
    onAdd(node) {
      cache.setNode(node);
      queue.move({ resource: "Node", action: "add", node: { old: undefined, new: node } });
    },
    onUpdate(node, old) {
      cache.setNode(node);
      if (concernsPods(old, node))
        queue.move({ resource: "Node", action: "update", node: { old, new: node } });
    },
    onDelete(node) {
      cache.removeNode(node.metadata.name);
      queue.move({ resource: "Node", action: "delete", node: { old: node, new: undefined } });
    },
  });
}

/** Heartbeats change conditions only, and help nobody. */
function concernsPods(old: Node, node: Node): boolean {
  return (
    !isEqual(old.metadata.labels, node.metadata.labels) ||
    !isEqual(old.spec, node.spec) ||
    !isEqual(old.status?.allocatable, node.status?.allocatable)
  );
}

function followPods(informers: InformerFactory, followers: Followers): () => void {
  const { queue, cache, nominated, schedulerName } = followers;
  const set = (pod: Pod, old: Pod | undefined): void => {
    const uid = pod.metadata.uid!;
    if (isAssigned(pod)) {
      queue.delete(uid);
      nominated.delete(uid);
      if (isPodTerminal(pod)) remove(pod);
      else setAssigned(followers, pod, old);
    } else if (isPodTerminal(pod) || isTerminating(pod) || pod.spec?.schedulerName !== schedulerName) {
      queue.delete(uid);
      nominated.delete(uid);
    } else if (!cache.isAssumed(uid)) {
      setWaiting(followers, pod, old);
    }
  };
  const remove = (pod: Pod): void => {
    const uid = pod.metadata.uid!;
    queue.delete(uid);
    nominated.delete(uid);
    const wasHere = cache.removePod(uid);
    if (wasHere) queue.move({ resource: "AssignedPod", action: "delete", pod: { old: pod, new: undefined } });
  };
  return informers.informer(Pods).addEventHandler({
    onAdd: (pod) => set(pod, undefined),
    onUpdate: set,
    onDelete: remove,
  });
}

/** The confirmation of what the scheduler did itself helps as well: others may want to be near this pod. */
function setAssigned({ cache, queue }: Followers, pod: Pod, old: Pod | undefined): void {
  const known = cache.setPod(pod);
  const wasAssigned = old !== undefined && isAssigned(old);
  if (!wasAssigned)
    return queue.move({ resource: "AssignedPod", action: "add", pod: { old: undefined, new: pod } });
  const hasChanged =
    known.old !== undefined &&
    (known.old.groupKey !== known.new.groupKey || isSmaller(known.new.requests, known.old.requests));
  if (hasChanged) queue.move({ resource: "AssignedPod", action: "update", pod: { old, new: pod } });
}

function setWaiting({ queue, nominated }: Followers, pod: Pod, old: Pod | undefined): void {
  const info = podInfo(pod);
  if (old !== undefined && !asksAnew(old, pod)) return queue.update(info);
  const promised = pod.status?.nominatedNodeName ?? "";
  if (old === undefined && promised !== "") nominated.set(info, promised); // by a scheduler before this one
  queue.add(info);
}

function isAssigned(pod: Pod): boolean {
  return (pod.spec?.nodeName ?? "") !== "";
}

function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

/** The scheduler's own status writes come back as updates, and change nothing it looks at. */
function asksAnew(old: Pod, pod: Pod): boolean {
  return !isEqual(old.metadata.labels, pod.metadata.labels) || !isEqual(old.spec, pod.spec);
}

function isEqual(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
