/** The pods that a Job still has to look at: what it costs to sync does not grow with the pods that are done. @module */
import { controllerOf, type ObjectKey } from "#apimachinery";
import type { Job } from "#api/batch/v1/types.gen";
import { isPodTerminal } from "#api/core/v1/pod-state";
import type { Pod } from "#api/core/v1/types.gen";
import type { Lister, SharedInformer } from "#client";
import { Jobs } from "#api/batch/v1/job";
import { controllerKeys } from "../controller-ref-manager.ts";
import { ensureIndex } from "../indexes.ts";
import { equalJSON } from "../template-hash.ts";
import { isHeld } from "./tracking.ts";

const OPEN = "controllers/job-open-pods";
const HELD = "controllers/job-held-pods";

/** Finds open pods by an index. Safe on a stale cache as any look at it. */
export class OpenPods {
  readonly #pods: Lister<Pod>;
  /** Jobs whose closed pods were looked at, and are as they were; bounded by the Jobs that run. */
  readonly #known = new Map<ObjectKey, string>();

  constructor(informer: SharedInformer<Pod>) {
    ensureIndex(informer, OPEN, (pod) => (isOpen(pod) ? [controllerOf(pod)?.uid ?? ""] : []));
    ensureIndex(informer, HELD, (pod) => (isHeld(pod) ? controllerKeys(Jobs, pod) : []));
    this.#pods = informer.lister;
  }

  /** Those with the finalizer whose controller is, or was, a Job of this name. */
  heldBy(key: ObjectKey): readonly Pod[] {
    return this.#pods.byIndex(HELD, key);
  }

  /** Controlled by the Job: once all of them, and again when one of them changed its labels; otherwise those that are open. */
  of(key: ObjectKey, job: Job): readonly Pod[] {
    const uid = job.metadata.uid!;
    // A failure policy may end the Job for a pod that was counted long ago.
    const isKnown = this.#known.get(key) === uid && job.spec?.podFailurePolicy === undefined;
    if (isKnown) return this.#pods.byIndex(OPEN, uid);
    this.#known.set(key, uid);
    return this.#pods.controlledBy(job);
  }

  /** A closed pod that the selector finds no longer is to be let go of. */
  changed(key: ObjectKey, pod: Pod, old: Pod | undefined): void {
    if (!isOpen(pod) && !equalJSON(pod.metadata.labels, old?.metadata.labels)) this.#known.delete(key);
  }

  forget(key: ObjectKey): void {
    this.#known.delete(key);
  }
}

/** Not ended, or ended and perhaps not counted. */
function isOpen(pod: Pod): boolean {
  return !isPodTerminal(pod) || isHeld(pod);
}
