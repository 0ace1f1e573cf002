/** What kube-proxy counts of itself, under upstream's names for its nftables mode. @module */
import type { Clock } from "#apimachinery";
import type { IpFamily } from "#api/validation/ip";
import {
  counter,
  exponentialBuckets,
  gauge,
  histogram,
  linearBuckets,
  Metrics,
  prefixed,
} from "#component-base";
import type { TrafficPolicy } from "../plan.ts";

const DURATION_BUCKETS = exponentialBuckets(0.001, 2, 15);
const PROGRAMMING_BUCKETS: readonly number[] = [
  ...linearBuckets(0.25, 0.25, 2),
  ...linearBuckets(1, 1, 59),
  ...linearBuckets(60, 5, 12),
  ...linearBuckets(120, 30, 7),
];
const MS_PER_SECOND = 1_000;
const FAMILY = "ip_family";

const DEFINITIONS = prefixed("kubeproxy", [
  histogram("sync_proxy_rules_duration_seconds", DURATION_BUCKETS, "How long writing the rules took", FAMILY),
  histogram(
    "sync_full_proxy_rules_duration_seconds",
    DURATION_BUCKETS,
    "How long writing all rules anew took",
    FAMILY,
  ),
  histogram(
    "sync_partial_proxy_rules_duration_seconds",
    DURATION_BUCKETS,
    "How long writing the rules that differ took",
    FAMILY,
  ),
  gauge("sync_proxy_rules_last_timestamp_seconds", "When the rules were last written", FAMILY),
  gauge("sync_proxy_rules_last_queued_timestamp_seconds", "When a change last came in", FAMILY),
  histogram(
    "network_programming_duration_seconds",
    PROGRAMMING_BUCKETS,
    "From the change of a Service or a pod until the rules follow it",
    FAMILY,
  ),
  gauge("sync_proxy_rules_endpoint_changes_pending", "Changes of EndpointSlices that wait for their rules"),
  counter("sync_proxy_rules_endpoint_changes_total", "Changes of EndpointSlices"),
  gauge("sync_proxy_rules_service_changes_pending", "Changes of Services that wait for their rules"),
  counter("sync_proxy_rules_service_changes_total", "Changes of Services"),
  counter("sync_proxy_rules_nftables_sync_failures_total", "Transactions that nftables refused", FAMILY),
  counter(
    "sync_proxy_rules_nftables_cleanup_failures_total",
    "Removals of unused chains that nftables refused",
    FAMILY,
  ),
  gauge(
    "sync_proxy_rules_no_local_endpoints_total",
    "Services with the traffic policy Local and no endpoint on this node",
    "traffic_policy",
    FAMILY,
  ),
  histogram(
    "conntrack_reconciler_sync_duration_seconds",
    DURATION_BUCKETS,
    "How long looking for flows to endpoints that are gone took",
    FAMILY,
  ),
  counter("conntrack_reconciler_deleted_entries_total", "Flows to endpoints that are gone, deleted", FAMILY),
  counter("proxy_healthz_total", "Answers of /healthz", "code"),
  counter("proxy_livez_total", "Answers of /livez", "code"),
]);

export class ProxyMetrics {
  readonly metrics: Metrics;
  readonly #clock: Clock;
  readonly #families: readonly IpFamily[];

  constructor(families: readonly IpFamily[], clock: Clock, metrics: Metrics = new Metrics()) {
    this.metrics = metrics;
    metrics.declare(DEFINITIONS);
    this.metrics.describeComponent(clock.now());
    this.#clock = clock;
    this.#families = families;
    for (const family of families)
      for (const name of ["nftables_sync_failures_total", "nftables_cleanup_failures_total"])
        this.metrics.inc(`kubeproxy_sync_proxy_rules_${name}`, { [FAMILY]: family }, 0);
  }

  serviceChanged(): void {
    this.metrics.inc("kubeproxy_sync_proxy_rules_service_changes_total");
    this.metrics.inc("kubeproxy_sync_proxy_rules_service_changes_pending");
    this.queued();
  }

  endpointsChanged(): void {
    this.metrics.inc("kubeproxy_sync_proxy_rules_endpoint_changes_total");
    this.metrics.inc("kubeproxy_sync_proxy_rules_endpoint_changes_pending");
    this.queued();
  }

  queued(): void {
    for (const family of this.#families)
      this.#now("kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds", family);
  }

  /** What was pending is being written. */
  taken(): void {
    this.metrics.set("kubeproxy_sync_proxy_rules_service_changes_pending", {}, 0);
    this.metrics.set("kubeproxy_sync_proxy_rules_endpoint_changes_pending", {}, 0);
  }

  synced(family: IpFamily, { isFull, durationMs, withoutLocal, triggersMs }: Sync): void {
    const labels = { [FAMILY]: family };
    const kind = isFull ? "full" : "partial";
    for (const name of ["sync_proxy_rules", `sync_${kind}_proxy_rules`])
      this.metrics.observe(`kubeproxy_${name}_duration_seconds`, labels, durationMs / MS_PER_SECOND);
    this.#now("kubeproxy_sync_proxy_rules_last_timestamp_seconds", family);
    for (const [policy, ports] of Object.entries(withoutLocal))
      this.metrics.set(
        "kubeproxy_sync_proxy_rules_no_local_endpoints_total",
        { ...labels, traffic_policy: policy },
        ports,
      );
    for (const triggerMs of triggersMs)
      this.metrics.observe(
        "kubeproxy_network_programming_duration_seconds",
        labels,
        (this.#clock.now() - triggerMs) / MS_PER_SECOND,
      );
  }

  failed(family: IpFamily): void {
    this.metrics.inc("kubeproxy_sync_proxy_rules_nftables_sync_failures_total", { [FAMILY]: family });
  }

  flowsDeleted(family: IpFamily, flows: number, durationMs: number): void {
    const labels = { [FAMILY]: family };
    this.metrics.observe(
      "kubeproxy_conntrack_reconciler_sync_duration_seconds",
      labels,
      durationMs / MS_PER_SECOND,
    );
    this.metrics.inc("kubeproxy_conntrack_reconciler_deleted_entries_total", labels, flows);
  }

  answered(path: string, status: number): void {
    const name = path === "/healthz" ? "healthz" : "livez";
    this.metrics.inc(`kubeproxy_proxy_${name}_total`, { code: String(status) });
  }

  #now(name: string, family: IpFamily): void {
    this.metrics.set(name, { [FAMILY]: family }, this.#clock.now() / MS_PER_SECOND);
  }
}

/** One transaction that nftables took. */
export interface Sync {
  readonly isFull: boolean;
  readonly durationMs: number;
  /** Ports of services, by policy. */
  readonly withoutLocal: Readonly<Record<TrafficPolicy, number>>;
  /** When what it follows had happened. */
  readonly triggersMs: readonly number[];
}
