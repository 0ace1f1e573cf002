/** Removes pods that nobody else will: of missing nodes, deleted before they had one, or finished and too many. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { isNotFound, keyOf } from "#apimachinery";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Node, Pod } from "#api/core/v1/types.gen";
import type { Lister } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { forEachParallel } from "../batch.ts";
import { disruptAndDelete, disruptedStatus } from "../disrupt-pod.ts";
import { ensureIndex, indexPodsByNode, podsOnNode } from "../indexes.ts";
import { isPodTerminal } from "#api/core/v1/pod-state";
import { equalJSON } from "../template-hash.ts";
import { isOutOfService, plan, QUARANTINE_MS, surplusTerminated, TERMINATED_PODS_MAX } from "./plan.ts";

const TERMINATED = "controllers/terminated";

/** Driven by changes, not by a period. Safe on a stale cache: a missing node is asked for before its pods are given up. */
export function podGarbageCollectorController(
  context: ControllerContext,
  terminatedMax: number = TERMINATED_PODS_MAX,
): Controller {
  const collector = new PodCollector(context, terminatedMax);
  return {
    name: "pod-garbage-collector-controller",
    eventSource: "pod-garbage-collector-controller",
    reconciles: Pods as Kind,
    watches: [source(Nodes, (node, old, change) => collector.podsConcerned(node, old, change))],
    reconcile: (key, signal) => collector.reconcile(key, signal),
  };
}

class PodCollector {
  readonly #context: ControllerContext;
  readonly #terminatedMax: number;
  readonly #nodes: Lister<Node>;
  readonly #pods: Lister<Pod>;
  /** Since when a node is missing, on the monotonic clock. Bounded by the names of nodes that pods mention. */
  readonly #missing = new Map<string, number>();

  constructor(context: ControllerContext, terminatedMax: number) {
    const pods = context.informers.informer(Pods);
    indexPodsByNode(pods);
    ensureIndex(pods, TERMINATED, (pod) => (isPodTerminal(pod) ? [""] : []));
    this.#context = context;
    this.#terminatedMax = terminatedMax;
    this.#nodes = context.informers.lister(Nodes);
    this.#pods = pods.lister;
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const pod = this.#pods.get(key);
    if (pod === undefined) return {};
    if (isPodTerminal(pod)) await this.#removeSurplus(signal);
    const nodeName = pod.spec?.nodeName ?? "";
    const fate = plan(pod, this.#nodes.get(nodeName));
    if (fate === "orphaned") return await this.#giveUp(pod, nodeName, signal);
    const reason = fate === "outOfService" ? "out-of-service" : fate;
    if (fate !== "keep") await this.#counted(pod, reason, () => this.#forceDelete(pod, undefined, signal));
    return {};
  }

  async #giveUp(pod: Pod, nodeName: string, signal: AbortSignal): Promise<Result> {
    const nowMs = this.#context.clock.monotonicMs();
    if (!this.#missing.has(nodeName)) this.#noteMissing(nodeName, nowMs);
    const sinceMs = this.#missing.get(nodeName) ?? nowMs;
    const leftMs = sinceMs + QUARANTINE_MS - nowMs;
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    if (await this.#exists(nodeName, signal)) return {};
    const reason = { reason: "DeletionByPodGC", message: "PodGC: node no longer exists" };
    await this.#counted(pod, "orphaned", () => this.#forceDelete(pod, reason, signal));
    return {};
  }

  #noteMissing(name: string, sinceMs: number): void {
    for (const other of this.#missing.keys())
      if (podsOnNode(this.#pods, other).length === 0) this.#missing.delete(other);
    this.#missing.set(name, sinceMs);
  }

  async #exists(name: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#context.client.get(Nodes, { name }, signal);
      return true;
    } catch (err) {
      if (isNotFound(err)) return false;
      throw err;
    }
  }

  /** A pod that did not finish by itself has failed: its controller may count on it. */
  async #forceDelete(
    pod: Pod,
    why: { readonly reason: string; readonly message: string } | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const failed = isPodTerminal(pod) ? {} : { phase: "Failed" };
    const nowMs = this.#context.clock.now();
    const status =
      why === undefined
        ? { ...pod.status, ...failed }
        : disruptedStatus(pod, why.reason, why.message, nowMs, failed);
    await disruptAndDelete(this.#context, pod, equalJSON(status, pod.status) ? undefined : status, 0, signal);
  }

  async #counted(pod: Pod, reason: string, work: () => Promise<unknown>): Promise<void> {
    const { metrics } = this.#context;
    const about = { namespace: pod.metadata.namespace ?? "", reason };
    metrics?.inc("pod_gc_collector_force_delete_pods_total", about);
    try {
      await work();
    } catch (err) {
      metrics?.inc("pod_gc_collector_force_delete_pod_errors_total", about);
      throw err;
    }
  }

  async #removeSurplus(signal: AbortSignal): Promise<void> {
    const surplus = surplusTerminated(this.#pods.byIndex(TERMINATED, ""), this.#terminatedMax);
    await forEachParallel(surplus, (pod) =>
      this.#counted(pod, "terminated", () => disruptAndDelete(this.#context, pod, undefined, 0, signal)),
    );
  }

  /** Nodes that go, come back, or are declared dead change the fate of their pods. */
  podsConcerned(
    node: Node,
    old: Node | undefined,
    change: "add" | "update" | "delete",
  ): readonly ObjectKey[] {
    const { name } = node.metadata;
    if (change === "delete") this.#noteMissing(name, this.#context.clock.monotonicMs());
    else this.#missing.delete(name);
    if (change === "update" && old !== undefined && isOutOfService(node) === isOutOfService(old)) return [];
    return podsOnNode(this.#pods, name).map(keyOf);
  }
}
