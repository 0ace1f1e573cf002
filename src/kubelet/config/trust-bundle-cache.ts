/** ClusterTrustBundles for the pods of this node: one watch of all of them, from the first pod that mounts one. @module */
import { ClusterTrustBundles } from "#api/certificates/v1/clustertrustbundle";
import type { ClusterTrustBundle } from "#api/certificates/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { Informer } from "#client";
import { specOf, uidOf } from "../container/pod-spec.ts";
import type { ObjectCacheOptions } from "./object-cache.ts";

interface Watching {
  readonly informer: Informer<ClusterTrustBundle>;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/** How long a pod waits for the first list; where the API is not served, it never comes. */
const SYNC_TIMEOUT_MS = 10_000;

export class TrustBundleCache {
  readonly #options: ObjectCacheOptions;
  /** Bounded by the pods of the node. */
  readonly #pods = new Set<string>();
  #watching: Watching | undefined;

  constructor(options: ObjectCacheOptions) {
    this.#options = options;
  }

  register(pod: Pod): void {
    if (!mountsBundles(pod)) return this.unregister(uidOf(pod));
    this.#pods.add(uidOf(pod));
    this.#watching ??= this.#watch();
  }

  /** Nobody watches what no pod needs. */
  unregister(uid: string): void {
    this.#pods.delete(uid);
    if (this.#pods.size > 0) return;
    this.#watching?.stop.abort();
    this.#watching = undefined;
  }

  /** All that there are. Only for pods that are registered. */
  async list(signal: AbortSignal): Promise<readonly ClusterTrustBundle[]> {
    const unsynced = new Error("ClusterTrustBundle informer has not yet synced");
    if (this.#watching === undefined) throw unsynced;
    const { informer } = this.#watching;
    const timeout = new AbortController();
    const timer = this.#options.clock.after(SYNC_TIMEOUT_MS, () => timeout.abort(unsynced));
    try {
      await informer.waitForSync(AbortSignal.any([signal, timeout.signal]));
    } finally {
      timer.cancel();
    }
    return informer.lister.list();
  }

  async close(): Promise<void> {
    const watching = this.#watching;
    this.#pods.clear();
    this.#watching = undefined;
    watching?.stop.abort();
    await watching?.done;
  }

  #watch(): Watching {
    const { client, clock, random, logger } = this.#options;
    const informer = new Informer(ClusterTrustBundles, {
      client,
      clock,
      random,
      logger,
      freeze: false,
      watchList: false,
    });
    const changed = (): void => {
      for (const pod of this.#pods) this.#options.onChange(pod);
    };
    informer.addEventHandler({
      onAdd: (_, initial) => (initial ? undefined : changed()),
      onUpdate: changed,
      onDelete: changed,
    });
    const stop = new AbortController();
    return { informer, stop, done: informer.run(stop.signal) };
  }
}

function mountsBundles(pod: Pod): boolean {
  return (specOf(pod).volumes ?? []).some(({ projected }) =>
    projected?.sources?.some(({ clusterTrustBundle }) => clusterTrustBundle !== undefined),
  );
}
