/** What happens in the cluster while pods are being tried: it may help them, should they be refused. @module */
import { labelOf, type ClusterEvent } from "../framework/cluster-event.ts";
import type { QueuedPod } from "./queued-pod.ts";

/** Events kept for pods under way; a pod that is under way for longer is tried again as if one of the lost ones helped. */
const EVENTS_MAX = 10_000;
/** Events nobody needs are forgotten in batches of this. */
const TRIM_AT = 1_024;
/** Upstream's label of the pods themselves. */
const POD_POPPED = "PodPopped";

export class EventLog {
  #events: ClusterEvent[] = [];
  /** The number of the first event kept. */
  #first = 0;
  /** In the order of their start -> the number of the next event then. */
  readonly #underWay = new Map<QueuedPod, number>();
  readonly #counts = new Map<string, number>();

  /** By label; those that are gone are none. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts.set(POD_POPPED, this.#underWay.size);
  }

  isUnderWay(queued: QueuedPod): boolean {
    return this.#underWay.has(queued);
  }

  start(queued: QueuedPod): void {
    this.#underWay.set(queued, this.#first + this.#events.length);
  }

  add(event: ClusterEvent): void {
    if (this.#underWay.size === 0) return;
    this.#events.push(event);
    this.#count(event, 1);
    if (this.#events.length > EVENTS_MAX) this.#forget(EVENTS_MAX / 2);
  }

  /** The events since `start`; undefined: some of them are lost. */
  end(queued: QueuedPod): readonly ClusterEvent[] | undefined {
    const since = this.#underWay.get(queued);
    if (since === undefined) return NONE;
    this.#underWay.delete(queued);
    const missed = since < this.#first ? undefined : this.#events.slice(since - this.#first);
    if (this.#underWay.size === 0) this.#forget(this.#events.length);
    else if (this.#events.length >= TRIM_AT) {
      const oldest = this.#underWay.values().next().value!;
      this.#forget(Math.max(0, oldest - this.#first));
    }
    return missed;
  }

  #forget(count: number): void {
    if (count === 0) return;
    for (let i = 0; i < count; i++) this.#count(this.#events[i]!, -1);
    this.#events = this.#events.slice(count);
    this.#first += count;
  }

  #count(event: ClusterEvent, by: 1 | -1): void {
    const label = labelOf(event);
    this.#counts.set(label, (this.#counts.get(label) ?? 0) + by);
  }
}

const NONE: readonly ClusterEvent[] = [];
