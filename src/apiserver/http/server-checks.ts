/** What a server asks of itself before it calls itself alive or ready. @module */
import { pingCheck, type HealthCheck } from "#component-base";
import type { Store } from "#storage";
import type { HealthChecks } from "./system-routes.ts";

export interface CheckedParts {
  readonly store: Pick<Store, "revision">;
  /** Knows nothing yet at revision 0. */
  readonly watchCache: { readonly revision: number };
  /** What a start does once. */
  readonly hooks: readonly HealthCheck[];
}

export function serverChecks({ store, watchCache, hooks }: CheckedParts): HealthChecks {
  const check = async (): Promise<void> => void (await store.revision());
  const etcd: HealthCheck = { name: "etcd", check };
  const informerSync: HealthCheck = {
    name: "informer-sync",
    check() {
      if (watchCache.revision === 0) throw new Error("informers not started yet");
    },
  };
  const alive = [pingCheck, etcd, ...hooks];
  const ready = [pingCheck, etcd, { name: "etcd-readiness", check }, informerSync, ...hooks];
  return { healthz: alive, livez: alive, readyz: ready };
}
