/** Upper bounds of upstream's histograms, in seconds, so that existing dashboards and rules work. @module */

/** apiserver_request_duration_seconds. */
export const REQUEST_DURATION_BUCKETS: readonly number[] = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
/** rest_client_request_duration_seconds. */
export const CLIENT_DURATION_BUCKETS: readonly number[] = [
  0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60,
];
/** workqueue_queue_duration_seconds and workqueue_work_duration_seconds. */
export const WORKQUEUE_BUCKETS: readonly number[] = exponentialBuckets(1e-8, 10, 12);
/** scheduler_* durations. */
export const SCHEDULING_BUCKETS: readonly number[] = exponentialBuckets(0.001, 2, 15);
/** Prometheus' own default. */
export const DEFAULT_BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** `count` bounds, each `factor` times the one before. */
export function exponentialBuckets(start: number, factor: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => Number((start * factor ** i).toPrecision(12)));
}

export function linearBuckets(start: number, width: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => Number((start + width * i).toPrecision(12)));
}
