/** NodeVolumeLimits: how many volumes of a CSI driver a node can have, as its CSINode says. @module */
import type { Pod } from "#api/core/v1/types.gen";
import type { CSINode } from "#api/storage/v1/types.gen";
import type { Plugin } from "../../framework/plugin.ts";
import { unschedulable } from "../../framework/status.ts";
import { csiVolumeOf, driverOf, migratedPlugins, migratedVolume, type CsiVolume } from "./csi-volume.ts";
import { classNameOf, claimRefs, type VolumeListers } from "./pod-claims.ts";

const NAME = "NodeVolumeLimits";
const TOO_MANY = unschedulable(NAME, "node(s) exceed max volume count");

/** By driver and handle: volumes that several pods share count once. */
type Volumes = Map<string, Pick<CsiVolume, "driver" | "plugin">>;

export function nodeVolumeLimits(listers: VolumeListers): Plugin {
  return {
    name: NAME,
    preFilter(cycle, { pod }) {
      const wanted: Volumes = new Map();
      addVolumes(wanted, pod, listers);
      if (wanted.size === 0) return { skip: true };
      cycle.set(NAME, wanted);
      return undefined;
    },
    filter(cycle, _pod, node) {
      const csiNode = listers.csiNodes.get(node.name);
      const limits = limitsOf(csiNode);
      if (limits.size === 0) return undefined;
      const migrated = migratedPlugins(csiNode);
      const used: Volumes = new Map();
      for (const { pod } of node.pods.values()) addVolumes(used, pod, listers);
      const counts = countByDriver(used, migrated);
      const more = (cycle.get(NAME) as Volumes).entries().filter(([volume]) => !used.has(volume));
      for (const [driver, count] of countByDriver(more, migrated)) {
        if ((counts.get(driver) ?? 0) + count > (limits.get(driver) ?? Infinity)) return TOO_MANY;
      }
      return undefined;
    },
    eventsToRegister: [
      { resource: "AssignedPod", actions: ["delete"] },
      { resource: "CSINode", actions: ["add", "update"] },
      { resource: "PersistentVolumeClaim", actions: ["add", "update"] },
    ],
    queueingHint: () => true,
  };
}

function limitsOf(csiNode: CSINode | undefined): ReadonlyMap<string, number> {
  const limits = new Map<string, number>();
  for (const driver of csiNode?.spec?.drivers ?? []) {
    const count = driver.allocatable?.count;
    if (count !== undefined) limits.set(driver.name, count);
  }
  return limits;
}

/** Volumes that are still to be made count by their claim. */
function addVolumes(to: Volumes, pod: Pod, { claims, volumes, classes }: VolumeListers): void {
  const add = (volume: CsiVolume | undefined): void => {
    if (volume !== undefined) to.set(`${volume.driver} ${volume.handle}`, volume);
  };
  for (const volume of pod.spec?.volumes ?? []) add(migratedVolume(volume));
  for (const { key } of claimRefs(pod)) {
    const claim = claims.get(key);
    if (claim === undefined) continue;
    const volumeName = claim.spec?.volumeName ?? "";
    const spec = volumes.get(volumeName)?.spec;
    if (spec !== undefined) add(csiVolumeOf(spec));
    else if (volumeName === "") {
      const provisioner = classes.get(classNameOf(claim))?.provisioner;
      if (provisioner !== undefined) add({ ...driverOf(provisioner), handle: key });
    }
  }
}

function countByDriver(
  volumes: Iterable<readonly [string, Pick<CsiVolume, "driver" | "plugin">]>,
  migrated: ReadonlySet<string>,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [, { driver, plugin }] of volumes)
    if (plugin === undefined || migrated.has(plugin)) counts.set(driver, (counts.get(driver) ?? 0) + 1);
  return counts;
}
