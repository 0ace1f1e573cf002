/** VolumeRestrictions: a claim with the mode ReadWriteOncePod is used by one pod at a time. @module */
import type { PodInfo } from "../../cache/pod-info.ts";
import type { Plugin } from "../../framework/plugin.ts";
import { unschedulable } from "../../framework/status.ts";
import { eventPod } from "../event-pod.ts";
import { claimRefs, type VolumeListers } from "./pod-claims.ts";

const NAME = "VolumeRestrictions";
const CONFLICT = unschedulable(
  NAME,
  "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod",
);

interface State {
  readonly keys: ReadonlySet<string>;
  /** Pods anywhere that use one of them. */
  users: number;
}

export function volumeRestrictions({ claims }: VolumeListers): Plugin {
  return {
    name: NAME,
    preFilter(cycle, { pod }, snapshot) {
      const keys = new Set<string>();
      for (const { key } of claimRefs(pod))
        if (claims.get(key)?.spec?.accessModes?.includes("ReadWriteOncePod") === true) keys.add(key);
      if (keys.size === 0) return { skip: true };
      const state: State = { keys, users: 0 };
      for (const node of snapshot.nodes)
        for (const other of node.pods.values()) if (usesOne(other, keys)) state.users++;
      cycle.set(NAME, state);
      return undefined;
    },
    filter: (cycle) => ((cycle.get(NAME) as State).users > 0 ? CONFLICT : undefined),
    addPod(cycle, _pod, other) {
      const state = cycle.get(NAME) as State;
      if (usesOne(other, state.keys)) state.users++;
    },
    removePod(cycle, _pod, other) {
      const state = cycle.get(NAME) as State;
      if (usesOne(other, state.keys)) state.users--;
    },
    eventsToRegister: [
      { resource: "AssignedPod", actions: ["delete"] },
      { resource: "PersistentVolumeClaim", actions: ["add", "update"] },
    ],
    queueingHint(event, { pod }) {
      if (event.resource === "PersistentVolumeClaim") return true;
      const gone = eventPod(event, "old");
      return gone !== undefined && usesOne(gone, new Set(claimRefs(pod).map(({ key }) => key)));
    },
  };
}

function usesOne({ pod }: PodInfo, keys: ReadonlySet<string>): boolean {
  return pod.spec?.volumes !== undefined && claimRefs(pod).some(({ key }) => keys.has(key));
}
