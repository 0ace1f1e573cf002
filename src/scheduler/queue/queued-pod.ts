/** A pod on its way through the queue. @module */
import type { PodInfo } from "../cache/pod-info.ts";

export interface QueuedPod {
  pod: PodInfo;
  /** Tries so far. */
  attempts: number;
  /** Tries that found no node; the back-off grows with them. */
  unschedulableCount: number;
  /** Errors since the last try without one; they have a back-off of their own. */
  errorCount: number;
  /** When it entered the queue, ms; ties of priority go by it. */
  readonly queuedAt: number;
  /** When it was first tried, ms; undefined: never. */
  firstTriedAt: number | undefined;
  /** When it was last tried, ms. */
  triedAt: number;
  refusedBy: ReadonlySet<string>;
  /** The PreEnqueue plugin that keeps it out. */
  gatedBy: string | undefined;
  /** It came back because time was up, not because an event helped. */
  wasFlushed: boolean;
}
