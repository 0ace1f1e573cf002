/** Bounds the cgroups of all pods, of the system and of Kubernetes, and tells of it at the node. @module */
import { type Clock, pause } from "#apimachinery";
import { Nodes } from "#api/core/v1/node";
import type { Node } from "#api/core/v1/types.gen";
import type { EventRecorder } from "#client";
import type { CgroupResources, PodCgroups } from "../platform/platform.ts";
import type { ReservedCgroup } from "./enforcement.ts";

export interface NodeAllocatableOptions {
  readonly clock: Clock;
  readonly recorder: EventRecorder;
  readonly cgroups: PodCgroups;
  readonly nodeName: string;
  readonly pods: CgroupResources;
  readonly reserved: readonly ReservedCgroup[];
}

/** Pods may use more than they may have now; when they have been evicted, the bound can be set. */
const RETRY_MS = 60_000;
const FAILED = "FailedNodeAllocatableEnforcement";
const DONE = "NodeAllocatableEnforced";

/** Rejects when a cgroup that was asked for cannot be bounded: the node would not keep what it promises. */
export async function enforceReserved(options: NodeAllocatableOptions): Promise<void> {
  const { cgroups, recorder, reserved } = options;
  const node = nodeOf(options);
  for (const { what, event, path, resources } of reserved) {
    try {
      await cgroups.updateExisting(path, resources);
    } catch (err) {
      const reason = (err as Error).message;
      const message = `Failed to enforce ${what} Cgroup Limits on ${JSON.stringify(path)}: ${reason}`;
      recorder.event(node, "Warning", FAILED, message);
      throw new Error(message, { cause: err });
    }
    recorder.event(node, "Normal", DONE, `Updated limits on ${event} cgroup ${path}`);
  }
}

/** Resolves once the bound of all pods is set, or `signal` aborts. */
export async function enforcePods(options: NodeAllocatableOptions, signal: AbortSignal): Promise<void> {
  const { cgroups, clock, recorder, pods } = options;
  const node = nodeOf(options);
  while (!signal.aborted) {
    try {
      if (await cgroups.updateRoot(pods))
        recorder.event(node, "Normal", DONE, "Updated Node Allocatable limit across pods");
      return;
    } catch (err) {
      const why = (err as Error).message;
      recorder.event(node, "Warning", FAILED, `Failed to update Node Allocatable Limits "kubepods": ${why}`);
      await pause(clock, RETRY_MS, signal);
    }
  }
}

/** The node may not be registered yet: its name stands for its uid, as upstream. */
function nodeOf({ nodeName }: NodeAllocatableOptions): Node {
  const { apiVersion, kind } = { apiVersion: "v1", kind: Nodes.kind };
  return { apiVersion, kind, metadata: { name: nodeName, uid: nodeName } } as Node;
}
