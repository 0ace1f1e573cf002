/** NodeVolumeLimits: how many volumes of a CSI driver a node can have, as its CSINode says. @module */
import type { Pod } from "#api/core/v1/types.gen";
import type { CSINode, VolumeAttachment } from "#api/storage/v1/types.gen";
import type { ClusterEvent } from "../../framework/cluster-event.ts";
import { claimRefs } from "../../cache/claim-refs.ts";
import type { Plugin } from "../../framework/plugin.ts";
import { unschedulable } from "../../framework/status.ts";
import { limitsOf, type AttachedVolumes, type NodeVolumes, type Volumes } from "./attached-volumes.ts";
import { migratedVolume } from "./csi-volume.ts";

const NAME = "NodeVolumeLimits";
const TOO_MANY = unschedulable(NAME, "node(s) exceed max volume count");

export function nodeVolumeLimits(attached: AttachedVolumes): Plugin {
  return {
    name: NAME,
    preFilter(cycle, { pod }) {
      const wanted = attached.wantedBy(pod);
      if (wanted.size === 0) return { skip: true };
      cycle.set(NAME, wanted);
      return undefined;
    },
    filter: (cycle, _pod, node) =>
      hasRoom(attached.of(node), cycle.get(NAME) as Volumes) ? undefined : TOO_MANY,
    eventsToRegister: [
      { resource: "CSINode", actions: ["add", "update"] },
      { resource: "AssignedPod", actions: ["delete"] },
      { resource: "PersistentVolumeClaim", actions: ["add"] },
      { resource: "VolumeAttachment", actions: ["delete"] },
    ],
    queueingHint: (event, { pod }) => mayHelp(event, pod),
  };
}

function hasRoom({ room, migrated, used }: NodeVolumes, wanted: Volumes): boolean {
  if (room.size === 0) return true;
  const more = wanted.size > 1 ? new Map<string, number>() : undefined;
  for (const [id, { driver, plugin }] of wanted) {
    const left = room.get(driver);
    if (left === undefined || used.has(id) || (plugin !== undefined && !migrated.has(plugin))) continue;
    const count = (more?.get(driver) ?? 0) + 1;
    if (count > left) return false;
    more?.set(driver, count);
  }
  return true;
}

function mayHelp({ resource, action, key, pod: event, object }: ClusterEvent, pod: Pod): boolean {
  if (resource === "AssignedPod") return event?.old !== undefined && usesVolumes(event.old);
  if (resource === "PersistentVolumeClaim") return claimRefs(pod).some((ref) => ref.key === key);
  if (resource === "VolumeAttachment") return maySpare(object?.old as VolumeAttachment | undefined, pod);
  return (
    action === "add" || isAnyRaised(object?.old as CSINode | undefined, object?.new as CSINode | undefined)
  );
}

/** Such as may be attached. */
function usesVolumes(pod: Pod): boolean {
  return claimRefs(pod).length > 0 || (pod.spec?.volumes ?? []).some((volume) => migratedVolume(volume));
}

/** What was detached may have been of the driver that the pod needs. */
function maySpare(gone: VolumeAttachment | undefined, { spec }: Pod): boolean {
  return (spec?.volumes ?? []).some(
    (volume) =>
      volume.persistentVolumeClaim !== undefined || migratedVolume(volume)?.driver === gone?.spec.attacher,
  );
}

/** A driver without a limit counts as one of zero, as upstream has it. */
function isAnyRaised(old: CSINode | undefined, now: CSINode | undefined): boolean {
  const before = limitsOf(old);
  return limitsOf(now)
    .entries()
    .some(([driver, limit]) => limit > (before.get(driver) ?? 0));
}
