/** Removes every object of a resource whose definition is being deleted, and waits until finalizers let them go. @module */
import { asError, isNotFound, type Clock } from "#apimachinery";
import { systemContext } from "../bootstrap/bootstrap.ts";
import type { Registry } from "../registry/registry.ts";
import type { WatchCache } from "../watchcache/watch-cache.ts";
import type { NewCondition } from "./conditions.ts";

/** Deletes under way at the same time. */
const WORKERS = 8;
const POLL_MS = 100;
/** How long objects may take to go before the definition says that it waits for them; upstream's minute. */
const WAIT_MS = 60_000;

export interface DeleteInstancesOptions {
  readonly registry: Registry;
  readonly watchCache: WatchCache;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export type InstancesOutcome =
  | { readonly type: "gone" }
  | { readonly type: "failed"; readonly condition: Omit<NewCondition, "type">; readonly error: Error };

export async function deleteInstances(
  resource: string,
  { registry, watchCache, clock, signal }: DeleteInstancesOptions,
): Promise<InstancesOutcome> {
  const store = registry.findStore(resource);
  const cache = watchCache.resource(resource);
  if (store === undefined) {
    if (cache.size === 0) return { type: "gone" };
    return failed(
      "InstanceDeletionFailed",
      new Error("could not list instances: no version of the resource is served"),
    );
  }
  const objects = cache.list().values();
  const errors: Error[] = [];
  const work = async (): Promise<void> => {
    for (const { namespace, name } of objects) {
      try {
        await store.delete(namespace, name, {}, systemContext(signal));
      } catch (err) {
        if (!isNotFound(err)) errors.push(asError(err));
      }
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  if (errors.length > 0) {
    const [first] = errors;
    return failed(
      "InstanceDeletionFailed",
      new Error(`could not issue all deletes: ${first!.message}`, { cause: first }),
    );
  }
  const deadline = clock.monotonicMs() + WAIT_MS;
  while (cache.size > 0) {
    if (clock.monotonicMs() > deadline) {
      const why = "could not confirm zero CustomResources remaining: timed out waiting for the condition";
      return failed("InstanceDeletionCheck", new Error(why));
    }
    await clock.sleep(POLL_MS, signal);
  }
  return { type: "gone" };
}

function failed(reason: string, error: Error): InstancesOutcome {
  return { type: "failed", condition: { status: "True", reason, message: error.message }, error };
}
