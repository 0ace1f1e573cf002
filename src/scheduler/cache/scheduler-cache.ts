/**
 * The scheduler's picture of the cluster: nodes, and the pods on them, including those it has just placed and the API has
 * not confirmed ("assumed"). Cycles are synchronous, so the picture itself is the snapshot: nothing is copied.
 * @module
 */
import type { Node, Pod } from "#api/core/v1/types.gen";
import type { Snapshot } from "../framework/plugin.ts";
import { NodeInfo } from "./node-info.ts";
import { PodIndex } from "./pod-index.ts";
import { podInfo, type PodInfo } from "./pod-info.ts";

export class SchedulerCache implements Snapshot {
  readonly index: PodIndex = new PodIndex();
  readonly #byName = new Map<string, NodeInfo>();
  /** Spread over zones, so that a scan that stops early has seen all of them. */
  #ordered: readonly NodeInfo[] | undefined;
  /** uid -> where it is counted. */
  readonly #placed = new Map<string, { readonly nodeName: string; readonly isAssumed: boolean }>();
  #assumed = 0;
  /** Pods whose node is not known yet, by its name. */
  readonly #waiting = new Map<string, Map<string, PodInfo>>();

  get nodes(): readonly NodeInfo[] {
    this.#ordered ??= interleaveZones([...this.#byName.values()]);
    return this.#ordered;
  }

  get sizes(): { readonly nodes: number; readonly pods: number; readonly assumed_pods: number } {
    return { nodes: this.#byName.size, pods: this.#placed.size, assumed_pods: this.#assumed };
  }

  get(name: string): NodeInfo | undefined {
    return this.#byName.get(name);
  }

  /** Something about the node that is kept elsewhere has changed. */
  touch(name: string): void {
    this.#byName.get(name)?.touch();
  }

  setNode(node: Node): void {
    const known = this.#byName.get(node.metadata.name);
    if (known !== undefined) {
      const oldZone = zoneOf(known);
      known.setNode(node);
      if (zoneOf(known) !== oldZone) this.#ordered = undefined;
      return;
    }
    const info = new NodeInfo(node, this.index);
    this.#byName.set(info.name, info);
    this.#ordered = undefined;
    for (const pod of this.#waiting.get(info.name)?.values() ?? []) info.add(pod);
    this.#waiting.delete(info.name);
  }

  removeNode(name: string): void {
    const info = this.#byName.get(name);
    if (info === undefined) return;
    this.#byName.delete(name);
    this.#ordered = undefined;
    info.close();
    if (info.pods.size > 0) this.#waiting.set(name, new Map(info.pods));
  }

  /** Counts the pod on the node before the API knows. Undone by `forget`, confirmed by `setPod`. */
  assume(pod: PodInfo, nodeName: string): void {
    this.#place(pod, nodeName, true);
  }

  forget(uid: string): void {
    if (this.#placed.get(uid)?.isAssumed === true) this.removePod(uid);
  }

  isAssumed(uid: string): boolean {
    return this.#placed.get(uid)?.isAssumed === true;
  }

  /** A pod that the API says is bound and not finished; what was known of it comes back. */
  setPod(pod: Pod): { readonly old: PodInfo | undefined; readonly new: PodInfo } {
    const uid = pod.metadata.uid!;
    const info = podInfo(pod);
    const nodeName = pod.spec!.nodeName!;
    const placed = this.#placed.get(uid);
    const node = this.#byName.get(nodeName);
    const old = placed === undefined ? undefined : this.#byName.get(placed.nodeName)?.pods.get(uid);
    if (placed?.nodeName === nodeName && old !== undefined && node!.replace(info)) {
      if (placed.isAssumed) this.#confirm(uid, nodeName);
    } else {
      this.removePod(uid);
      this.#place(info, nodeName, false);
    }
    return { old, new: info };
  }

  #confirm(uid: string, nodeName: string): void {
    this.#assumed--;
    this.#placed.set(uid, { nodeName, isAssumed: false });
  }

  /** Whether it was here. */
  removePod(uid: string): boolean {
    const placed = this.#placed.get(uid);
    if (placed === undefined) return false;
    this.#placed.delete(uid);
    if (placed.isAssumed) this.#assumed--;
    this.#byName.get(placed.nodeName)?.remove(uid);
    const waiting = this.#waiting.get(placed.nodeName);
    if (waiting?.delete(uid) === true && waiting.size === 0) this.#waiting.delete(placed.nodeName);
    return true;
  }

  #place(pod: PodInfo, nodeName: string, isAssumed: boolean): void {
    this.#placed.set(pod.uid, { nodeName, isAssumed });
    if (isAssumed) this.#assumed++;
    const node = this.#byName.get(nodeName);
    if (node !== undefined) return node.add(pod);
    const waiting = this.#waiting.get(nodeName) ?? new Map<string, PodInfo>();
    this.#waiting.set(nodeName, waiting.set(pod.uid, pod));
  }
}

function zoneOf(node: NodeInfo): string {
  const region = node.labels["topology.kubernetes.io/region"] ?? "";
  return `${region}\0${node.labels["topology.kubernetes.io/zone"] ?? ""}`;
}

function interleaveZones(nodes: readonly NodeInfo[]): readonly NodeInfo[] {
  const zones = [...Map.groupBy(nodes, zoneOf).values()];
  if (zones.length <= 1) return nodes;
  const result: NodeInfo[] = [];
  for (let i = 0; result.length < nodes.length; i++) {
    for (const zone of zones) if (zone[i] !== undefined) result.push(zone[i]!);
  }
  return result;
}
