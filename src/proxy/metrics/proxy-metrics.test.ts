import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import { ProxyMetrics } from "./proxy-metrics.ts";
import { serveMetrics } from "./serve-metrics.ts";

const START_MS = Date.parse("2026-01-01T00:00:00Z");

test("ProxyMetrics counts changes, transactions and what they follow under upstream's names", async () => {
  const metrics = new ProxyMetrics(["IPv4", "IPv6"], new FakeClock(START_MS));
  metrics.serviceChanged();
  metrics.endpointsChanged();
  metrics.endpointsChanged();
  const pending = await metrics.metrics.expose();
  assert.match(pending, /^kubeproxy_sync_proxy_rules_endpoint_changes_pending 2$/m);
  metrics.taken();
  const withoutLocal = { internal: 1, external: 2 };
  const triggersMs = [START_MS - 1_500];
  metrics.synced("IPv4", { isFull: false, durationMs: 20, withoutLocal, triggersMs });
  metrics.synced("IPv6", { isFull: true, durationMs: 20, withoutLocal, triggersMs: [] });
  metrics.failed("IPv6");
  metrics.flowsDeleted("IPv4", 3, 5);
  metrics.answered("/healthz", 503);
  metrics.answered("/livez", 200);
  const text = await metrics.metrics.expose();
  for (const line of [
    "sync_proxy_rules_service_changes_pending 0",
    "sync_proxy_rules_service_changes_total 1",
    "sync_proxy_rules_endpoint_changes_total 2",
    'sync_proxy_rules_last_queued_timestamp_seconds{ip_family="IPv4"} 1767225600',
    'sync_proxy_rules_last_timestamp_seconds{ip_family="IPv6"} 1767225600',
    'sync_proxy_rules_duration_seconds_count{ip_family="IPv4"} 1',
    'sync_partial_proxy_rules_duration_seconds_count{ip_family="IPv4"} 1',
    'sync_full_proxy_rules_duration_seconds_count{ip_family="IPv6"} 1',
    'network_programming_duration_seconds_bucket{le="1",ip_family="IPv4"} 0',
    'network_programming_duration_seconds_bucket{le="2",ip_family="IPv4"} 1',
    'sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="external"} 2',
    'sync_proxy_rules_nftables_sync_failures_total{ip_family="IPv4"} 0',
    'sync_proxy_rules_nftables_sync_failures_total{ip_family="IPv6"} 1',
    'conntrack_reconciler_deleted_entries_total{ip_family="IPv4"} 3',
    'proxy_healthz_total{code="503"} 1',
    'proxy_livez_total{code="200"} 1',
  ])
    assert.ok(text.includes(`kubeproxy_${line}\n`), line);
});

test("serveMetrics() answers at upstream's paths, and bears that its port is taken", async () => {
  const { metrics } = new ProxyMetrics(["IPv4"], new FakeClock(START_MS));
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port } = free.address() as AddressInfo;
  const options = { host: "127.0.0.1", port, metrics, logger: silentLogger };
  await (await serveMetrics(options))[Symbol.asyncDispose]();
  free.close();
  await once(free, "close");
  await using servers = new AsyncDisposableStack();
  servers.use(await serveMetrics(options));
  const ask = async (path: string): Promise<readonly [number, string]> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    return [answer.status, await answer.text()];
  };
  assert.match((await ask("/metrics"))[1], /kubeproxy_sync_proxy_rules_nftables_sync_failures_total/);
  assert.deepEqual(await ask("/proxyMode"), [200, "nftables"]);
  assert.deepEqual(await ask("/healthz"), [200, "ok"]);
  assert.equal((await ask("/secrets"))[0], 404);
});
