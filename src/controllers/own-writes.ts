/**
 * A controller's memory of its own writes that the cache may not show yet, so that a stale cache never makes it create
 * or delete twice. The same purpose as upstream's expectations, by identity and revision instead of counting: nothing
 * is lost when events are merged.
 * @module
 */
import type { Clock, KubeObject, ObjectKey } from "#apimachinery";
import { keyOf } from "#apimachinery";
import type { SharedInformer } from "#client";

/** After this long a write that was never seen is no longer waited for (upstream's ExpectationsTimeout). */
export const OWN_WRITES_TIMEOUT_MS: number = 5 * 60_000;

interface Pending {
  readonly change: "create" | "delete";
  readonly object: ObjectKey;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly atMs: number;
}

export class OwnWrites {
  readonly #clock: Clock;
  readonly #informer: Pick<SharedInformer<KubeObject>, "lister" | "lastSyncResourceVersion">;
  /** Bounded by the burst of one reconcile per owner. */
  readonly #pending = new Map<ObjectKey, Pending[]>();

  constructor(
    clock: Clock,
    informer: {
      readonly lister: { get(key: ObjectKey): KubeObject | undefined };
      readonly lastSyncResourceVersion: string;
    },
  ) {
    this.#clock = clock;
    this.#informer = informer as SharedInformer<KubeObject>;
  }

  /** `object` is the API server's answer to the creation. */
  created(owner: ObjectKey, object: KubeObject): void {
    this.#add(owner, "create", object);
  }

  deleted(owner: ObjectKey, object: KubeObject): void {
    this.#add(owner, "delete", object);
  }

  /** True when the cache shows every write made for `owner`. */
  settled(owner: ObjectKey): boolean {
    const pending = this.#pending.get(owner);
    if (pending === undefined) return true;
    const left = pending.filter((write) => !this.#isSeen(write));
    if (left.length > 0) this.#pending.set(owner, left);
    else this.#pending.delete(owner);
    return left.length === 0;
  }

  forget(owner: ObjectKey): void {
    this.#pending.delete(owner);
  }

  #add(owner: ObjectKey, change: Pending["change"], object: KubeObject): void {
    const { uid, resourceVersion } = object.metadata;
    const write = { change, object: keyOf(object), uid, resourceVersion, atMs: this.#clock.monotonicMs() };
    const pending = this.#pending.get(owner);
    if (pending === undefined) this.#pending.set(owner, [write]);
    else pending.push(write);
  }

  #isSeen(write: Pending): boolean {
    if (this.#clock.monotonicMs() - write.atMs > OWN_WRITES_TIMEOUT_MS) return true;
    const cached = this.#informer.lister.get(write.object);
    if (write.change === "delete") {
      return cached?.metadata.uid !== write.uid || cached?.metadata.deletionTimestamp !== undefined;
    }
    return cached?.metadata.uid === write.uid || this.#isPast(write.resourceVersion);
  }

  /** Covers an object that came and went between two looks at the cache. */
  #isPast(resourceVersion: string | undefined): boolean {
    return Number(this.#informer.lastSyncResourceVersion) >= Number(resourceVersion);
  }
}
