/** Where this component reports what it measures; `component-base` or a test gives the receiver. @module */

export type MetricLabels = Readonly<Record<string, string>>;

/** Names are upstream's, so that existing dashboards work. Must not throw. */
export interface MetricsSink {
  /** Adds `by` (default 1) to a counter. */
  inc(name: string, labels: MetricLabels, by?: number): void;
  /** Sets a gauge. */
  set(name: string, labels: MetricLabels, value: number): void;
  /** One observation of a histogram; durations in seconds. */
  observe(name: string, labels: MetricLabels, value: number): void;
}

/** Everything that the work queues, the leader election and the transport report. */
export const CLIENT_METRICS = {
  workqueueAdds: "workqueue_adds_total",
  workqueueDepth: "workqueue_depth",
  workqueueQueueDuration: "workqueue_queue_duration_seconds",
  workqueueWorkDuration: "workqueue_work_duration_seconds",
  workqueueUnfinishedWork: "workqueue_unfinished_work_seconds",
  workqueueLongestRunning: "workqueue_longest_running_processor_seconds",
  workqueueRetries: "workqueue_retries_total",
  leaderElectionMasterStatus: "leader_election_master_status",
  leaderElectionSlowpath: "leader_election_slowpath_total",
  requests: "rest_client_requests_total",
  requestDuration: "rest_client_request_duration_seconds",
  requestRetries: "rest_client_request_retries_total",
} as const;
