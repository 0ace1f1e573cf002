/** Deletes pods from nodes whose NoExecute taints they do not tolerate, or not any longer. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { keyOf } from "#apimachinery";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Node, Pod, Taint } from "#api/core/v1/types.gen";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { disruptAndDelete, disruptedStatus } from "../disrupt-pod.ts";
import { indexPodsByNode, podsOnNode } from "../indexes.ts";
import { equalJSON } from "../template-hash.ts";
import { toleratedForMs } from "./plan.ts";

interface Scheduled {
  readonly uid: string | undefined;
  /** On the monotonic clock. */
  readonly sinceMs: number;
}

/** Safe on a stale cache: deletions name the uid, and a pod that moved to another node is another pod. */
export function taintEvictionController(context: ControllerContext): Controller {
  const { clock, informers, recorder, metrics } = context;
  const nodes = informers.lister(Nodes);
  const pods = informers.informer(Pods);
  indexPodsByNode(pods);
  /** Since when each pod is tolerating; the time does not start anew when taints change. Bounded by the pods of tainted nodes. */
  const scheduled = new Map<ObjectKey, Scheduled>();

  async function reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const pod = pods.lister.get(key);
    const taints = executionTaints(nodes.get(pod?.spec?.nodeName ?? ""));
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined || taints.length === 0) {
      cancel(key, pod);
      return {};
    }
    const allowedMs = toleratedForMs(pod, taints);
    if (allowedMs === undefined) {
      cancel(key, pod);
      return {};
    }
    const nowMs = clock.monotonicMs();
    const known = scheduled.get(key);
    const sinceMs = known?.uid === pod.metadata.uid ? known!.sinceMs : nowMs;
    const leftMs = sinceMs + allowedMs - nowMs;
    if (leftMs > 0) {
      scheduled.set(key, { uid: pod.metadata.uid, sinceMs });
      return { requeueAfterMs: leftMs };
    }
    recorder.event(pod, "Normal", "TaintManagerEviction", `Marking for deletion Pod ${key}`);
    const message = "Taint manager: deleting due to NoExecute taint";
    const status = disruptedStatus(pod, "DeletionByTaintManager", message, clock.now());
    await disruptAndDelete(context, pod, status, undefined, signal);
    const lateMs = clock.monotonicMs() - sinceMs - allowedMs;
    metrics?.inc("taint_eviction_controller_pod_deletions_total", {});
    metrics?.observe("taint_eviction_controller_pod_deletion_duration_seconds", {}, lateMs / 1_000);
    scheduled.delete(key);
    return {};
  }

  function cancel(key: ObjectKey, pod: Pod | undefined): void {
    const known = scheduled.get(key);
    scheduled.delete(key);
    const isSpared =
      pod !== undefined && known?.uid === pod.metadata.uid && pod.metadata.deletionTimestamp === undefined;
    if (isSpared) recorder.event(pod, "Normal", "TaintManagerEviction", `Cancelling deletion of Pod ${key}`);
  }

  function podsConcerned(node: Node, old: Node | undefined): readonly ObjectKey[] {
    if (equalJSON(executionTaints(node), executionTaints(old))) return [];
    return podsOnNode(pods.lister, node.metadata.name).map(keyOf);
  }

  return {
    name: "taint-eviction-controller",
    eventSource: "taint-eviction-controller",
    reconciles: Pods as Kind,
    watches: [source(Nodes, (node, old, change) => (change === "delete" ? [] : podsConcerned(node, old)))],
    workers: 8,
    reconcile,
  };
}

function executionTaints(node: Node | undefined): readonly Taint[] {
  return (node?.spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
}
