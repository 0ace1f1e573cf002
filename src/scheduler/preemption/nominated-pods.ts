/** Pods to which room on a node was promised when others were evicted for them. @module */
import type { PodInfo } from "../cache/pod-info.ts";

const NONE: readonly PodInfo[] = [];

export class NominatedPods {
  readonly #nodeByUid = new Map<string, string>();
  readonly #byNode = new Map<string, PodInfo[]>();

  on(nodeName: string): readonly PodInfo[] {
    return this.#byNode.get(nodeName) ?? NONE;
  }

  nodeOf(uid: string): string | undefined {
    return this.#nodeByUid.get(uid);
  }

  set(pod: PodInfo, nodeName: string): void {
    this.delete(pod.uid);
    this.#nodeByUid.set(pod.uid, nodeName);
    this.#byNode.set(nodeName, [...this.on(nodeName), pod]);
  }

  delete(uid: string): void {
    const nodeName = this.#nodeByUid.get(uid);
    if (nodeName === undefined) return;
    this.#nodeByUid.delete(uid);
    const left = this.on(nodeName).filter((pod) => pod.uid !== uid);
    if (left.length > 0) this.#byNode.set(nodeName, left);
    else this.#byNode.delete(nodeName);
  }
}
