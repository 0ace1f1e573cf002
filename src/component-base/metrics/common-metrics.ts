/** Metrics that every component has, because its queues, its client and its process have them. @module */
import { CLIENT_DURATION_BUCKETS, WORKQUEUE_BUCKETS } from "./buckets.ts";
import type { MetricDefinition } from "./metrics.ts";

export const commonMetrics: readonly MetricDefinition[] = [
  queue("counter", "workqueue_adds_total", "Total number of adds handled by workqueue"),
  queue("gauge", "workqueue_depth", "Current depth of workqueue by workqueue"),
  {
    ...queue(
      "histogram",
      "workqueue_queue_duration_seconds",
      "How long an item waits in the queue before it is taken",
    ),
    buckets: WORKQUEUE_BUCKETS,
  },
  {
    ...queue("histogram", "workqueue_work_duration_seconds", "How long processing an item takes"),
    buckets: WORKQUEUE_BUCKETS,
  },
  queue(
    "gauge",
    "workqueue_unfinished_work_seconds",
    "Seconds of work in progress that no duration shows yet",
  ),
  queue(
    "gauge",
    "workqueue_longest_running_processor_seconds",
    "How long the longest running processor has run",
  ),
  queue("counter", "workqueue_retries_total", "Total number of retries handled by workqueue"),
  {
    type: "gauge",
    name: "leader_election_master_status",
    help: "Whether this process is the leader of the named lease",
    stability: "ALPHA",
    labels: ["name"],
  },
  {
    type: "counter",
    name: "leader_election_slowpath_total",
    help: "Total number of renewals that had to read the lease first",
    stability: "ALPHA",
    labels: ["name"],
  },
  {
    type: "counter",
    name: "rest_client_requests_total",
    help: "Number of HTTP requests, by status code, method and host",
    stability: "ALPHA",
    labels: ["code", "method", "host"],
  },
  {
    type: "histogram",
    name: "rest_client_request_duration_seconds",
    help: "Request latency, by verb and host",
    stability: "ALPHA",
    labels: ["verb", "host"],
    buckets: CLIENT_DURATION_BUCKETS,
  },
  {
    type: "counter",
    name: "rest_client_request_retries_total",
    help: "Number of request retries, by status code, verb and host",
    stability: "ALPHA",
    labels: ["code", "verb", "host"],
  },
];

function queue(type: MetricDefinition["type"], name: string, help: string): MetricDefinition {
  return { type, name, help, stability: "BETA", labels: ["name"] };
}
