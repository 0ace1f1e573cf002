/** Flow control of a server, which knows the objects that its lists will show. @module */
import type { Clock } from "#apimachinery";
import type { Limits } from "../options.ts";
import type { Registry } from "../registry/registry.ts";
import type { WatchCache } from "../watchcache/watch-cache.ts";
import { FlowControl } from "./flow-control.ts";
import { ObjectStatistics } from "./object-statistics.ts";

export interface FlowControlParts {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly registry: Registry;
  readonly watchCache: WatchCache;
}

export function newFlowControl({ clock, limits, registry, watchCache }: FlowControlParts): FlowControl {
  const concurrencyLimit = limits.inFlightMax + limits.mutatingInFlightMax;
  if (concurrencyLimit <= 0) {
    throw new Error(
      `--max-requests-inflight (${limits.inFlightMax}) and --max-mutating-requests-inflight ` +
        `(${limits.mutatingInFlightMax}) must have a positive sum with --enable-priority-and-fairness`,
    );
  }
  const statistics = new ObjectStatistics(clock);
  return new FlowControl({
    clock,
    concurrencyLimit,
    objectStats: ({ group, version, resource }) => {
      const served = registry.find(group, version, resource);
      return served && statistics.of(watchCache.resource(served.resource));
    },
  });
}
