/** What is counted and timed of requests of kubelet's own endpoint. @module */
import type { Counter, Gauge, Histogram } from "#component-base";
import { DEFAULT_BUCKETS, type MetricFactory } from "./metric-factory.ts";

const LABELS = ["method", "path", "server_type", "long_running"];

export class ServerMetrics {
  readonly requests: Counter;
  readonly requestSeconds: Histogram;
  readonly inflight: Gauge;
  readonly webSockets: Counter;

  constructor(make: MetricFactory) {
    this.requests = make.counter("kubelet_http_requests_total", "Requests of the endpoint", ...LABELS);
    this.requestSeconds = make.histogram(
      "kubelet_http_requests_duration_seconds",
      DEFAULT_BUCKETS,
      "How long requests of the endpoint took",
      ...LABELS,
    );
    this.inflight = make.gauge(
      "kubelet_http_inflight_requests",
      "Requests of the endpoint under way",
      ...LABELS,
    );
    this.webSockets = make.counter(
      "kubelet_websocket_streaming_requests_total",
      "Streams that were asked for by WebSocket",
      "subresource",
    );
  }
}
