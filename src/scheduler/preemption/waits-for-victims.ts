/** Whether a pod that sent others away has its room yet. @module */
import type { ClusterEvent } from "../framework/cluster-event.ts";
import type { Snapshot } from "../framework/plugin.ts";
import type { NominatedPods } from "./nominated-pods.ts";

/** Whether the event is that a victim of this pod has gone and others have not: there is no room yet. */
export function waitsForMoreVictims(
  { action, pod }: ClusterEvent,
  uid: string,
  nominated: NominatedPods,
  snapshot: Snapshot,
): boolean {
  if (action !== "delete") return false;
  const victims = nominated.victimsOf(uid);
  if (!victims.has(pod?.old?.metadata.uid ?? "")) return false;
  const node = snapshot.get(nominated.nodeOf(uid) ?? "");
  return node !== undefined && victims.values().some((victim) => node.pods.has(victim));
}
