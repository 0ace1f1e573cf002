/** How many objects a resource has and how large they are, for what a list of them will cost. @module */
import type { Clock } from "#apimachinery";
import type { ResourceCache } from "../watchcache/resource-cache.ts";
import type { ObjectStats } from "./work-estimate.ts";

/** Sizes are looked at anew after this long. */
const SAMPLE_MS = 60_000;
const SAMPLE_OBJECTS = 100;

interface Sample {
  readonly averageBytes: number;
  readonly count: number;
  readonly until: number;
}

export class ObjectStatistics {
  readonly #clock: Clock;
  readonly #samples = new WeakMap<ResourceCache, Sample>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The count is of now; the average size is of the first objects, and at most a minute old. */
  of(cache: ResourceCache): ObjectStats {
    const count = cache.size;
    const nowMs = this.#clock.monotonicMs();
    let sample = this.#samples.get(cache);
    // A sample of few objects says little about many.
    if (sample === undefined || sample.until < nowMs || count > 2 * sample.count) {
      sample = { averageBytes: averageBytes(cache), count, until: nowMs + SAMPLE_MS };
      this.#samples.set(cache, sample);
    }
    return { count, averageBytes: sample.averageBytes };
  }
}

function averageBytes(cache: ResourceCache): number {
  let bytes = 0;
  let count = 0;
  for (const { size } of cache.list()) {
    bytes += size;
    if (++count === SAMPLE_OBJECTS) break;
  }
  return count === 0 ? 0 : Math.round(bytes / count);
}
