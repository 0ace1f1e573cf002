/** What a work queue tells of itself, with upstream's names and meanings. @module */
import type { Clock } from "#apimachinery";
import { CLIENT_METRICS as NAMES, type MetricsSink } from "./metrics.ts";

export interface QueueMetrics<Key> {
  /** The key joined the queue, which is now `depth` long. */
  add(key: Key, depth: number): void;
  get(key: Key, depth: number): void;
  done(key: Key): void;
  updateUnfinishedWork(): void;
}

const MS_PER_SECOND = 1_000;

export function queueMetrics<Key>(name: string, sink: MetricsSink, clock: Clock): QueueMetrics<Key> {
  const labels = { name };
  const addedAt = new Map<Key, number>();
  const startedAt = new Map<Key, number>();
  const secondsSince = (startMs: number): number => (clock.monotonicMs() - startMs) / MS_PER_SECOND;

  return {
    add(key, depth) {
      sink.inc(NAMES.workqueueAdds, labels);
      sink.set(NAMES.workqueueDepth, labels, depth);
      if (!addedAt.has(key)) addedAt.set(key, clock.monotonicMs());
    },
    get(key, depth) {
      sink.set(NAMES.workqueueDepth, labels, depth);
      startedAt.set(key, clock.monotonicMs());
      const added = addedAt.get(key);
      if (added === undefined) return;
      sink.observe(NAMES.workqueueQueueDuration, labels, secondsSince(added));
      addedAt.delete(key);
    },
    done(key) {
      const started = startedAt.get(key);
      if (started === undefined) return;
      sink.observe(NAMES.workqueueWorkDuration, labels, secondsSince(started));
      startedAt.delete(key);
    },
    updateUnfinishedWork() {
      const ages = [...startedAt.values()].map(secondsSince);
      const total = ages.reduce((sum, age) => sum + age, 0);
      sink.set(NAMES.workqueueUnfinishedWork, labels, total);
      sink.set(NAMES.workqueueLongestRunning, labels, Math.max(0, ...ages));
    },
  };
}
