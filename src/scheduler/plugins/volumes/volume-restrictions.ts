/** VolumeRestrictions: a claim with the mode ReadWriteOncePod, and some disks, are used by one pod at a time. @module */
import type { PodInfo } from "../../cache/pod-info.ts";
import type { Plugin } from "../../framework/plugin.ts";
import { unschedulable } from "../../framework/status.ts";
import { eventPod } from "../event-pod.ts";
import { diskConflict, hasExclusiveDisk } from "./disk-conflicts.ts";
import type { VolumeListers } from "./pod-claims.ts";

const NAME = "VolumeRestrictions";
const CONFLICT = unschedulable(
  NAME,
  "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod",
);

const DISK_CONFLICT = unschedulable(NAME, "node(s) had no available disk");

interface State {
  readonly keys: ReadonlySet<string>;
  /** Volumes of pods anywhere that are one of them. */
  users: number;
  /** It names a disk that conflicts where another pod on the node has it. */
  readonly hasDisk: boolean;
}

export function volumeRestrictions({ claims }: VolumeListers): Plugin {
  return {
    name: NAME,
    preFilter(cycle, own, { index }) {
      const keys = new Set<string>();
      for (const { key } of own.claims)
        if (claims.get(key)?.spec?.accessModes?.includes("ReadWriteOncePod") === true) keys.add(key);
      const hasDisk = hasExclusiveDisk(own.pod);
      let users = 0;
      for (const key of keys) users += index.claimUsers(key);
      if (users === 0 && !hasDisk) return { skip: true };
      const state: State = { keys, users, hasDisk };
      cycle.set(NAME, state);
      return undefined;
    },
    filter(cycle, { pod }, node) {
      const { users, hasDisk } = cycle.get(NAME) as State;
      if (hasDisk)
        for (const other of node.pods.values()) if (diskConflict(pod, other.pod)) return DISK_CONFLICT;
      return users > 0 ? CONFLICT : undefined;
    },
    addPod(cycle, _pod, other) {
      const state = cycle.get(NAME) as State;
      state.users += usesOf(other, state.keys);
    },
    removePod(cycle, _pod, other) {
      const state = cycle.get(NAME) as State;
      state.users -= usesOf(other, state.keys);
    },
    eventsToRegister: [
      { resource: "AssignedPod", actions: ["delete"] },
      { resource: "PersistentVolumeClaim", actions: ["add", "update"] },
    ],
    queueingHint(event, { pod, claims: own }) {
      if (event.resource === "PersistentVolumeClaim") return true;
      const gone = eventPod(event, "old");
      if (gone === undefined) return false;
      return diskConflict(pod, gone.pod) || usesOf(gone, new Set(own.map(({ key }) => key))) > 0;
    },
  };
}

function usesOf({ claims }: PodInfo, keys: ReadonlySet<string>): number {
  let uses = 0;
  for (const { key } of claims) if (keys.has(key)) uses++;
  return uses;
}
