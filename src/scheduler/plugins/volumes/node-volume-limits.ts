/** NodeVolumeLimits: how many volumes of a CSI driver a node can have, as its CSINode says. @module */
import type { NodeInfo } from "../../cache/node-info.ts";
import type { Plugin } from "../../framework/plugin.ts";
import { unschedulable } from "../../framework/status.ts";
import { classNameOf, claimRefs, type VolumeListers } from "./pod-claims.ts";
import type { Pod } from "#api/core/v1/types.gen";

const NAME = "NodeVolumeLimits";
const TOO_MANY = unschedulable(NAME, "node(s) exceed max volume count");

/** Volume -> driver; volumes that several pods share count once. */
type Volumes = Map<string, string>;

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
      const limits = limitsOf(node, listers);
      if (limits.size === 0) return undefined;
      const used: Volumes = new Map();
      for (const { pod } of node.pods.values()) addVolumes(used, pod, listers);
      const counts = countByDriver(used);
      const more = (cycle.get(NAME) as Volumes).entries().filter(([volume]) => !used.has(volume));
      for (const [driver, count] of countByDriver(more)) {
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

function limitsOf({ name }: NodeInfo, { csiNodes }: VolumeListers): ReadonlyMap<string, number> {
  const limits = new Map<string, number>();
  for (const driver of csiNodes.get(name)?.spec?.drivers ?? []) {
    const count = driver.allocatable?.count;
    if (count !== undefined) limits.set(driver.name, count);
  }
  return limits;
}

/** Volumes that are still to be made count by their claim. */
function addVolumes(to: Volumes, pod: Pod, { claims, volumes, classes }: VolumeListers): void {
  for (const { key } of claimRefs(pod)) {
    const claim = claims.get(key);
    if (claim === undefined) continue;
    const csi = volumes.get(claim.spec?.volumeName ?? "")?.spec?.csi;
    if (csi !== undefined) to.set(`${csi.driver} ${csi.volumeHandle}`, csi.driver);
    else if ((claim.spec?.volumeName ?? "") === "") {
      const driver = classes.get(classNameOf(claim))?.provisioner;
      if (driver !== undefined) to.set(`${driver} ${key}`, driver);
    }
  }
}

function countByDriver(volumes: Iterable<readonly [string, string]>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [, driver] of volumes) counts.set(driver, (counts.get(driver) ?? 0) + 1);
  return counts;
}
