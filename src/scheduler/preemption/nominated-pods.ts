/** Pods to which room on a node was promised when others were evicted for them. @module */
import type { PodInfo } from "../cache/pod-info.ts";

const NONE: readonly PodInfo[] = [];
const NO_VICTIMS: ReadonlySet<string> = new Set();

export class NominatedPods {
  readonly #nodeByUid = new Map<string, string>();
  readonly #victims = new Map<string, ReadonlySet<string>>();
  readonly #byNode = new Map<string, PodInfo[]>();
  readonly #changed: (nodeName: string) => void;

  /** `changed` is told of every node to which a promise comes or goes. */
  constructor(changed: (nodeName: string) => void = () => undefined) {
    this.#changed = changed;
  }

  get size(): number {
    return this.#nodeByUid.size;
  }

  on(nodeName: string): readonly PodInfo[] {
    return this.#byNode.get(nodeName) ?? NONE;
  }

  nodeOf(uid: string): string | undefined {
    return this.#nodeByUid.get(uid);
  }

  /** The uids of those that go for this pod, for as long as it is promised a node. */
  victimsOf(uid: string): ReadonlySet<string> {
    return this.#victims.get(uid) ?? NO_VICTIMS;
  }

  set(pod: PodInfo, nodeName: string, victims: readonly PodInfo[] = NONE): void {
    this.delete(pod.uid);
    if (victims.length > 0) this.#victims.set(pod.uid, new Set(victims.map(({ uid }) => uid)));
    this.#nodeByUid.set(pod.uid, nodeName);
    this.#byNode.set(nodeName, [...this.on(nodeName), pod]);
    this.#changed(nodeName);
  }

  delete(uid: string): void {
    const nodeName = this.#nodeByUid.get(uid);
    if (nodeName === undefined) return;
    this.#nodeByUid.delete(uid);
    this.#victims.delete(uid);
    const left = this.on(nodeName).filter((pod) => pod.uid !== uid);
    if (left.length > 0) this.#byNode.set(nodeName, left);
    else this.#byNode.delete(nodeName);
    this.#changed(nodeName);
  }
}
