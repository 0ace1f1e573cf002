/** Removes Jobs some time after they have finished. @module */
import type { Kind } from "#apimachinery";
import { Jobs } from "#api/batch/v1/job";
import type { Controller, ControllerContext } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";
import { expiredAtMs, expiresInMs } from "./plan.ts";

/** Safe on a stale cache: the Job is read again before it is deleted, and only that very Job is deleted. */
export function ttlAfterFinishedController({
  client,
  clock,
  informers,
  metrics,
}: ControllerContext): Controller {
  const jobs = informers.lister(Jobs);
  return {
    name: "ttl-after-finished-controller",
    reconciles: Jobs as Kind,
    async reconcile(key, signal) {
      const cached = jobs.get(key);
      if (cached === undefined) return {};
      const cachedMs = expiresInMs(cached, clock.now());
      if (cachedMs === undefined) return {};
      if (cachedMs > 0) return { requeueAfterMs: cachedMs };
      const fresh = await unlessGone(client.get(Jobs, cached.metadata, signal));
      // The TTL may have been prolonged meanwhile.
      if (fresh === undefined || expiresInMs(fresh, clock.now()) !== 0) return {};
      const preconditions = { uid: fresh.metadata.uid! };
      await unlessGone(
        client.delete(Jobs, fresh.metadata, signal, { propagationPolicy: "Foreground", preconditions }),
      );
      const lateMs = clock.now() - (expiredAtMs(fresh) ?? clock.now());
      metrics?.observe("ttl_after_finished_controller_job_deletion_duration_seconds", {}, lateMs / 1_000);
      return {};
    },
  };
}
