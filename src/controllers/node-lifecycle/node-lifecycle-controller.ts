/** Notices nodes that fall silent, taints nodes by their conditions, and marks the pods of lost nodes as not ready. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { Leases } from "#api/coordination/v1/lease";
import type { Lease } from "#api/coordination/v1/types.gen";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Node, Pod } from "#api/core/v1/types.gen";
import type { Lister } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { forEachParallel } from "../batch.ts";
import { indexPodsByNode, podsOnNode } from "../indexes.ts";
import type { ControllerOptions } from "../options.ts";
import { isPodReady } from "#api/core/v1/pod-state";
import { unlessGone } from "../unless-gone.ts";
import { Heartbeats } from "./heartbeats.ts";
import type { Eviction } from "./plan.ts";
import { ZoneMetrics } from "./metrics.ts";
import { missingLabels } from "./node-labels.ts";
import {
  isTaintedNoExecute,
  NODE_MONITOR_GRACE_MS,
  NODE_STARTUP_GRACE_MS,
  notReadyConditions,
  planSilence,
  planTaints,
  readiness,
  readyCondition,
} from "./plan.ts";
import type { EvictionRates } from "./zones.ts";
import { DEFAULT_RATES, EvictionLimiter, evictionRate, zoneOf } from "./zones.ts";

const LEASE_NAMESPACE = "kube-node-lease";

/**
 * Driven by heartbeats and one timer per node, not by a monitor period. Safe on a stale cache: conditions and taints
 * are functions of the node, and writes carry the resourceVersion they were decided on.
 */
export function nodeLifecycleController(
  context: ControllerContext,
  options: ControllerOptions = {},
): Controller {
  const lifecycle = new NodeLifecycle(context, options);
  return {
    name: "node-lifecycle-controller",
    eventSource: "node-controller",
    reconciles: Nodes as Kind,
    watches: [
      source(Nodes, (node, old, change) => lifecycle.onNode(node, old, change)),
      source(Leases, (lease, _old, change) => (change === "delete" ? [] : lifecycle.onLease(lease))),
      source(Pods, (pod, _old, change) => (change === "delete" ? [] : lifecycle.onPod(pod))),
    ],
    workers: 8,
    reconcile: (key, signal) => lifecycle.reconcile(key, signal),
  };
}

class NodeLifecycle {
  readonly #context: ControllerContext;
  readonly #graceMs: number;
  readonly #startupGraceMs: number;
  readonly #heartbeats = new Heartbeats();
  readonly #rates: EvictionRates;
  readonly #limiter = new EvictionLimiter();
  readonly #nodes: Lister<Node>;
  readonly #zones: ZoneMetrics;

  constructor(context: ControllerContext, options: ControllerOptions) {
    this.#context = context;
    this.#graceMs = options.nodeMonitorGracePeriodMs ?? NODE_MONITOR_GRACE_MS;
    this.#startupGraceMs = options.nodeStartupGracePeriodMs ?? NODE_STARTUP_GRACE_MS;
    this.#rates = { ...DEFAULT_RATES, ...options.evictionRates };
    this.#nodes = context.informers.lister(Nodes);
    this.#zones = new ZoneMetrics(context.metrics);
    indexPodsByNode(context.informers.informer(Pods));
    context.informers.informer(Leases);
  }

  /** The state of a zone depends on all its nodes: when one turns, the others are looked at as well. */
  onNode(node: Node, old: Node | undefined, change: "add" | "update" | "delete"): readonly ObjectKey[] {
    if (change === "delete") this.#zones.changed(node, undefined);
    else this.#zones.changed(old, node);
    if (change === "update" && old !== undefined && readiness(node) === readiness(old)) return [];
    const others = this.#nodes.list().filter((other) => readiness(other) !== "True");
    return others.map(({ metadata }) => metadata.name);
  }

  /** A heartbeat matters at once only to a node that is not believed to live; the others' timers find it. */
  onLease(lease: Lease): readonly ObjectKey[] {
    if (lease.metadata.namespace !== LEASE_NAMESPACE) return [];
    this.#heartbeats.observeLease(lease, this.#context.clock.monotonicMs());
    return [];
  }

  /** A pod that claims to be ready on a node that is lost. */
  onPod(pod: Pod): readonly ObjectKey[] {
    const node = this.#nodes.get(pod.spec?.nodeName ?? "");
    return node !== undefined && isLost(node) && isPodReady(pod) ? [node.metadata.name] : [];
  }

  async reconcile(name: string, signal: AbortSignal): Promise<Result> {
    const { clock } = this.#context;
    const startMs = clock.monotonicMs();
    const cached = this.#nodes.get(name);
    if (cached === undefined) {
      this.#forget(name);
      return {};
    }
    if (this.#heartbeats.observeNode(cached, clock.monotonicMs(), clock.now())) {
      this.#record(cached, "RegisteredNode", `Node ${name} event: Registered Node ${name} in Controller`);
    }
    const graceMs = readyCondition(cached) === undefined ? this.#startupGraceMs : this.#graceMs;
    const leftMs = graceMs - this.#heartbeats.silentForMs(name, clock.monotonicMs());
    const node = leftMs < 0 ? await this.#markSilent(cached, signal) : cached;
    if (isLost(node)) await this.#markPodsNotReady(node, signal);
    await this.#label(node, signal);
    const evictionInMs = await this.#taint(node, signal);
    this.#zones.examined(clock.monotonicMs() - startMs);
    const waits = [leftMs < 0 ? undefined : leftMs + 1, evictionInMs].filter((ms) => ms !== undefined);
    return waits.length === 0 ? {} : { requeueAfterMs: Math.min(...waits) };
  }

  #forget(name: string): void {
    const uid = this.#heartbeats.forget(name);
    if (uid === undefined) return;
    const gone: Node = { apiVersion: "v1", kind: "Node", metadata: { name, uid } };
    this.#record(gone, "RemovingNode", `Node ${name} event: Removing Node ${name} from Controller`);
  }

  async #markSilent(node: Node, signal: AbortSignal): Promise<Node> {
    const conditions = planSilence(node, this.#context.clock.now());
    if (conditions === (node.status?.conditions ?? []) || conditions === node.status?.conditions) return node;
    const wasReady = readiness(node) === "True";
    const next = { ...node, status: { ...node.status, conditions } };
    const updated = await unlessGone(this.#context.client.updateStatus(Nodes, next, signal));
    if (wasReady)
      this.#record(node, "NodeNotReady", `Node ${node.metadata.name} status is now: NodeNotReady`);
    return updated ?? next;
  }

  async #label(node: Node, signal: AbortSignal): Promise<void> {
    const missing = missingLabels(node);
    if (missing === undefined) return;
    const body = { metadata: { labels: missing } };
    await unlessGone(this.#context.client.patch(Nodes, node.metadata, { type: "merge", body }, signal));
  }

  /** Returns when a taint that had to wait for its turn may be set. */
  async #taint(node: Node, signal: AbortSignal): Promise<number | undefined> {
    const { eviction, waitMs } = this.#evictionOf(node);
    const taints = planTaints(node, eviction, this.#context.clock.now());
    if (taints !== node.spec?.taints && !(taints.length === 0 && node.spec?.taints === undefined)) {
      const { resourceVersion } = node.metadata;
      const body = { metadata: { resourceVersion }, spec: { taints } };
      await unlessGone(this.#context.client.patch(Nodes, node.metadata, { type: "merge", body }, signal));
    }
    return waitMs;
  }

  /** A token is taken only for a taint that is really to be set. */
  #evictionOf(node: Node): { readonly eviction: Eviction; readonly waitMs?: number } {
    if (readiness(node) === "True" || readyCondition(node) === undefined) return { eviction: "wait" };
    const zone = zoneOf(node);
    // The cache may not show yet what was just written of this node.
    const nodes = this.#nodes
      .list()
      .map((other) => (other.metadata.name === node.metadata.name ? node : other));
    const { perSecond, isCutOff } = evictionRate(nodes, zone, this.#rates);
    if (isCutOff) return { eviction: "never" };
    if (isTaintedNoExecute(node.spec?.taints ?? [])) return { eviction: "wait" };
    const waitMs = this.#limiter.take(zone, perSecond, this.#context.clock.monotonicMs());
    if (waitMs === 0) {
      this.#zones.evicted(zone);
      return { eviction: "evict" };
    }
    return waitMs === undefined ? { eviction: "wait" } : { eviction: "wait", waitMs };
  }

  async #markPodsNotReady(node: Node, signal: AbortSignal): Promise<void> {
    const { client, clock, informers, recorder } = this.#context;
    await forEachParallel(podsOnNode(informers.lister(Pods), node.metadata.name), async (pod) => {
      const conditions = notReadyConditions(pod, clock.now());
      if (conditions === undefined) return;
      const next = { ...pod, status: { ...pod.status, conditions } };
      if ((await unlessGone(client.updateStatus(Pods, next, signal))) === undefined) return;
      recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready");
    });
  }

  #record(node: Node, reason: string, message: string): void {
    this.#context.recorder.event(node, "Normal", reason, message);
  }
}

/** Kubelet is not heard of any more. While it reports, also that it is not ready, the pods' conditions are its own. */
function isLost(node: Node): boolean {
  return readyCondition(node)?.status === "Unknown";
}
