/** When each node was last heard of, by this controller's own clock: the nodes' clocks may be wrong. @module */
import { parseTime } from "#apimachinery";
import type { Lease } from "#api/coordination/v1/types.gen";
import type { Node } from "#api/core/v1/types.gen";
import { readyCondition } from "./plan.ts";

interface Heartbeat {
  uid: string | undefined;
  /** On the monotonic clock. */
  heardAtMs: number;
  hasReady: boolean;
  statusTime: string | undefined;
  renewTime: string | undefined;
}

/** Bounded by the nodes of the cluster. */
export class Heartbeats {
  readonly #beats = new Map<string, Heartbeat>();

  /** True when the node was not known before. */
  observeNode(node: Node, nowMs: number, wallMs: number): boolean {
    const { name, uid } = node.metadata;
    const ready = readyCondition(node);
    const beat = this.#beats.get(name);
    if (beat?.uid === undefined || beat.uid !== uid) {
      const renewTime = beat?.renewTime;
      const heardAtMs = ready === undefined ? nowMs - ageMs(node, wallMs) : nowMs;
      this.#beats.set(name, {
        uid,
        heardAtMs,
        hasReady: ready !== undefined,
        statusTime: ready?.lastHeartbeatTime,
        renewTime,
      });
      return true;
    }
    const isNews = beat.hasReady !== (ready !== undefined) || beat.statusTime !== ready?.lastHeartbeatTime;
    if (isNews) beat.heardAtMs = nowMs;
    beat.hasReady = ready !== undefined;
    beat.statusTime = ready?.lastHeartbeatTime;
    return false;
  }

  observeLease({ metadata, spec }: Lease, nowMs: number): void {
    const renewTime = spec?.renewTime;
    const beat = this.#beats.get(metadata.name);
    if (renewTime === undefined || (beat?.renewTime !== undefined && !isLater(renewTime, beat.renewTime)))
      return;
    if (beat === undefined) {
      const unknown = { uid: undefined, hasReady: false, statusTime: undefined };
      this.#beats.set(metadata.name, { ...unknown, heardAtMs: nowMs, renewTime });
    } else {
      beat.heardAtMs = nowMs;
      beat.renewTime = renewTime;
    }
  }

  silentForMs(name: string, nowMs: number): number {
    return nowMs - (this.#beats.get(name)?.heardAtMs ?? nowMs);
  }

  /** The uid of the node that was known by this name. */
  forget(name: string): string | undefined {
    const uid = this.#beats.get(name)?.uid;
    this.#beats.delete(name);
    return uid;
  }
}

function isLater(a: string, b: string): boolean {
  return parseTime(a) > parseTime(b) || (parseTime(a) === parseTime(b) && a > b);
}

/** A node that never reported is waited for since it was created. */
function ageMs({ metadata }: Node, wallMs: number): number {
  return metadata.creationTimestamp === undefined
    ? 0
    : Math.max(wallMs - parseTime(metadata.creationTimestamp), 0);
}
