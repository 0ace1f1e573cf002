/** What a controller is. Watching, queueing, retries, leader election and metrics belong to the manager. @module */
import type { Clock, Kind, KubeObject, Logger, ObjectKey } from "#apimachinery";
import type { Client, EventRecorder, InformerFactory, MetricsSink } from "#client";

export interface Result {
  /** Run again after this long even if nothing changes; absent waits for the next change. */
  readonly requeueAfterMs?: number;
}

/** Objects of another kind whose changes enqueue keys of the reconciled kind. */
export interface Source<T extends KubeObject = KubeObject> {
  readonly kind: Kind<T>;
  /** Keys to enqueue; `old` is undefined on add, `object` is the last state known on delete. */
  readonly keys: (object: T, old: T | undefined, change: "add" | "update" | "delete") => readonly ObjectKey[];
}

/** What the manager hands to every controller's constructor. */
export interface ControllerContext {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Absent: nobody reads the metrics. */
  readonly metrics?: MetricsSink;
}

/** How the manager makes a controller; it may ask for informers, listers and indexes here, and for nothing that blocks. */
export type ControllerConstructor = (context: ControllerContext) => Controller;

export interface Controller {
  readonly name: string;
  /** Component named in the Events it writes. Default `NAME-controller`. */
  readonly eventSource?: string;
  /** Label `name` of its queue's metrics. Two queues of one process must not share it. Default: the controller's name. */
  readonly queueName?: string;
  readonly reconciles: Kind;
  /** Which of these objects are enqueued when they appear or change; absent: all. Deletions always are. */
  readonly enqueues?: (object: KubeObject) => boolean;
  /** Kinds whose controlling owner (ownerReference with `controller: true`) is enqueued when they change. */
  readonly owns?: readonly Kind[];
  readonly watches?: readonly Source[];
  /** Runs beside the workers until `signal` aborts: for watches that come and go while the controller runs. */
  readonly background?: (enqueue: (key: ObjectKey) => void, signal: AbortSignal) => Promise<void>;
  /** Reconciles that may run at the same time, for different keys. Default 5. */
  readonly workers?: number;
  /**
   * Drives the object at `key` one step towards its spec. Level-triggered and idempotent.
   * Runs of one key never overlap. The cache may be older than this controller's own writes: use expectations,
   * revisions or deterministic names where that matters, and say which.
   * Throwing requeues with backoff; throwing `TerminalError` reports once and waits for a change.
   * What a namespace refuses because it is being deleted is neither reported nor tried again.
   */
  readonly reconcile: (key: ObjectKey, signal: AbortSignal) => Promise<Result>;
}

/** Helps the compiler: a source of a specific kind as an element of `watches`. */
export function source<T extends KubeObject>(kind: Kind<T>, keys: Source<T>["keys"]): Source {
  return { kind, keys } as unknown as Source;
}

/** Retrying cannot help until someone changes the object. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
}
