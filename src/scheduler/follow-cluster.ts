/** What informers tell goes into the scheduler's cache and queue. @module */
import { Namespaces } from "#api/core/v1/namespace";
import { Nodes } from "#api/core/v1/node";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { Pods } from "#api/core/v1/pod";
import { isPodTerminal } from "#api/core/v1/pod-state";
import type { Pod } from "#api/core/v1/types.gen";
import { DeviceClasses } from "#api/resource/v1/deviceclass";
import { DeviceTaintRules } from "#api/resource/v1/devicetaintrule";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import { ResourceSlices } from "#api/resource/v1/resourceslice";
import { CSIDrivers } from "#api/storage/v1/csidriver";
import { CSINodes } from "#api/storage/v1/csinode";
import { CSIStorageCapacities } from "#api/storage/v1/csistoragecapacity";
import { StorageClasses } from "#api/storage/v1/storageclass";
import { VolumeAttachments } from "#api/storage/v1/volumeattachment";
import { jsonEqual, keyOf, type Clock, type Kind, type KubeObject } from "#apimachinery";
import type { InformerFactory } from "#client";
import { podInfo } from "./cache/pod-info.ts";
import type { SchedulerCache } from "./cache/scheduler-cache.ts";
import { asksAnew, nodeChanges, podChanges } from "./event-changes.ts";
import {
  labelOf,
  type ClusterEvent,
  type EventAction,
  type EventResource,
} from "./framework/cluster-event.ts";
import type { WaitingPods } from "./framework/waiting-pods.ts";
import type { SchedulerMetrics } from "./metrics.ts";
import type { NominatedPods } from "./preemption/nominated-pods.ts";
import type { SchedulingQueue } from "./queue/scheduling-queue.ts";

export interface Followers {
  readonly cache: SchedulerCache;
  readonly queue: SchedulingQueue;
  readonly nominated: NominatedPods;
  readonly waitingPods: WaitingPods;
  readonly metrics: SchedulerMetrics;
  readonly clock: Clock;
  /** Whether a profile is for the pod. */
  readonly isOurs: (pod: Pod) => boolean;
  /** Whether a plugin waits for such events. */
  readonly isOfInterest: (resource: EventResource) => boolean;
}

/** Objects that only plugins look at. */
const KINDS: Readonly<Partial<Record<EventResource, Kind>>> = {
  PersistentVolumeClaim: PersistentVolumeClaims as unknown as Kind,
  PersistentVolume: PersistentVolumes as unknown as Kind,
  StorageClass: StorageClasses as unknown as Kind,
  CSINode: CSINodes as unknown as Kind,
  CSIDriver: CSIDrivers as unknown as Kind,
  CSIStorageCapacity: CSIStorageCapacities as unknown as Kind,
  VolumeAttachment: VolumeAttachments as unknown as Kind,
  ResourceClaim: ResourceClaims as unknown as Kind,
  ResourceSlice: ResourceSlices as unknown as Kind,
  DeviceClass: DeviceClasses as unknown as Kind,
  DeviceTaintRule: DeviceTaintRules as unknown as Kind,
};

/** Until what it gives back is called. */
export function followCluster(informers: InformerFactory, followers: Followers): () => void {
  const removers = [
    followNamespaces(informers, followers),
    followNodes(informers, followers),
    followPods(informers, followers),
    ...(Object.entries(KINDS) as [EventResource, Kind][])
      .filter(([resource]) => followers.isOfInterest(resource))
      .map(([resource, kind]) => follow(informers, kind, resource, followers)),
  ];
  return () => removers.forEach((remove) => remove());
}

function move({ queue, metrics, clock }: Followers, event: ClusterEvent): void {
  const startMs = clock.monotonicMs();
  queue.move(event);
  metrics.event(labelOf(event), clock.monotonicMs() - startMs);
}

function followNamespaces(informers: InformerFactory, { cache }: Followers): () => void {
  return informers.informer(Namespaces).addEventHandler({
    onAdd: () => cache.index.namespacesChanged(),
    onUpdate(namespace, old) {
      if (!jsonEqual(namespace.metadata.labels, old.metadata.labels)) cache.index.namespacesChanged();
    },
  });
}

function follow<T extends KubeObject>(
  informers: InformerFactory,
  kind: Kind<T>,
  resource: EventResource,
  followers: Followers,
): () => void {
  const tell = (action: EventAction, old: T | undefined, now: T | undefined): void =>
    move(followers, { resource, action, key: keyOf((now ?? old)!), object: { old, new: now } });
  return informers.informer(kind).addEventHandler({
    onAdd: (object) => tell("add", undefined, object),
    onUpdate: (object, old) => tell("update", old, object),
    onDelete: (object) => tell("delete", object, undefined),
  });
}

function followNodes(informers: InformerFactory, followers: Followers): () => void {
  const { cache } = followers;
  return informers.informer(Nodes).addEventHandler({
    onAdd(node) {
      cache.setNode(node);
      move(followers, { resource: "Node", action: "add", node: { old: undefined, new: node } });
    },
    onUpdate(node, old) {
      cache.setNode(node);
      const changes = nodeChanges(old, node);
      if (changes.length > 0)
        move(followers, { resource: "Node", action: "update", changes, node: { old, new: node } });
    },
    onDelete(node) {
      cache.removeNode(node.metadata.name);
      move(followers, { resource: "Node", action: "delete", node: { old: node, new: undefined } });
    },
  });
}

function followPods(informers: InformerFactory, followers: Followers): () => void {
  const { queue, cache, nominated, waitingPods, isOurs } = followers;
  const set = (pod: Pod, old: Pod | undefined): void => {
    const uid = pod.metadata.uid!;
    if (isAssigned(pod)) {
      queue.delete(uid);
      nominated.delete(uid);
      if (isPodTerminal(pod)) remove(pod);
      else setAssigned(followers, pod, old);
    } else if (isPodTerminal(pod) || isTerminating(pod) || !isOurs(pod)) {
      queue.delete(uid);
      nominated.delete(uid);
      waitingPods.reject(uid);
    } else if (!cache.isAssumed(uid)) {
      setWaiting(followers, pod, old);
    }
  };
  const remove = (pod: Pod): void => {
    const uid = pod.metadata.uid!;
    queue.delete(uid);
    nominated.delete(uid);
    waitingPods.reject(uid);
    if (!cache.removePod(uid)) return;
    move(followers, { resource: "AssignedPod", action: "delete", pod: { old: pod, new: undefined } });
  };
  return informers.informer(Pods).addEventHandler({
    onAdd: (pod) => set(pod, undefined),
    onUpdate: set,
    onDelete: remove,
  });
}

/** The confirmation of what the scheduler did itself helps as well: others may want to be near this pod. */
function setAssigned(followers: Followers, pod: Pod, old: Pod | undefined): void {
  const known = followers.cache.setPod(pod);
  const wasAssigned = old !== undefined && isAssigned(old);
  if (!wasAssigned)
    return move(followers, { resource: "AssignedPod", action: "add", pod: { old: undefined, new: pod } });
  const changes = known.old === undefined ? [] : podChanges(known.old, known.new);
  if (changes.length > 0)
    move(followers, { resource: "AssignedPod", action: "update", changes, pod: { old, new: pod } });
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
