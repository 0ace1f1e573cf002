/** What happened in the cluster that may make a waiting pod fit; upstream's `ClusterEvent`. @module */
import type { Node, Pod } from "#api/core/v1/types.gen";
import type { KubeObject, ObjectKey } from "#apimachinery";

export type EventResource =
  | "Node"
  /** A pod that is on a node. */
  | "AssignedPod"
  /** A pod that waits for one. */
  | "UnscheduledPod"
  | "PersistentVolumeClaim"
  | "PersistentVolume"
  | "StorageClass"
  | "CSINode"
  | "CSIDriver"
  | "CSIStorageCapacity"
  | "VolumeAttachment"
  | "ResourceClaim"
  | "ResourceSlice"
  | "DeviceClass"
  | "DeviceTaintRule";

export type EventAction = "add" | "update" | "delete";

/** What of the object is new, under upstream's names for such updates. */
export type EventChange =
  | "UpdateNodeAllocatable"
  | "UpdateNodeLabel"
  | "UpdateNodeTaint"
  | "UpdateNodeCondition"
  | "UpdateNodeAnnotation"
  | "UpdatePodLabel"
  | "UpdatePodScaleDown"
  | "UpdatePodToleration"
  | "UpdatePodSchedulingGatesEliminated"
  | "UpdatePodGeneratedResourceClaim";

export interface ClusterEvent {
  readonly resource: EventResource;
  readonly action: EventAction;
  /** Of updates of nodes and pods; absent: something else. */
  readonly changes?: readonly EventChange[];
  readonly node?: { readonly old: Node | undefined; readonly new: Node | undefined };
  readonly pod?: { readonly old: Pod | undefined; readonly new: Pod | undefined };
  /** Of objects that are neither nodes nor pods. */
  readonly key?: ObjectKey;
  readonly object?: { readonly old: KubeObject | undefined; readonly new: KubeObject | undefined };
}

/** Events that can make a pod schedulable which a plugin refused. */
export interface EventInterest {
  readonly resource: EventResource;
  readonly actions: readonly EventAction[];
  /** Updates that change none of these are of no interest. Absent: all updates are. */
  readonly changes?: readonly EventChange[];
}

export const UNSCHEDULED_POD_ADD = "UnscheduledPodAdd";
export const UNSCHEDULED_POD_UPDATE = "UnscheduledPodUpdate";

/** As metrics name it: `AssignedPodDelete`, `NodeUpdateNodeTaint`. */
export function labelOf({ resource, action, changes }: ClusterEvent): string {
  if (action === "update") return `${resource}${changes?.[0] ?? "Update"}`;
  return `${resource}${action === "add" ? "Add" : "Delete"}`;
}

export function isOfInterest(interest: EventInterest, { resource, action, changes }: ClusterEvent): boolean {
  if (interest.resource !== resource || !interest.actions.includes(action)) return false;
  if (action !== "update" || interest.changes === undefined) return true;
  return changes !== undefined && interest.changes.some((change) => changes.includes(change));
}
