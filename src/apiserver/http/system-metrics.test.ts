import assert from "node:assert/strict";
import { test } from "node:test";
import { startHttps } from "../https-fixture.ts";
import { Family } from "./metric-family.ts";

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const json = { "content-type": "application/json" };
const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "one" } };

test("Family renders counters and histograms, with labels that cannot break out", () => {
  const counter = new Family("counter", "c", "Help.", ["a", "b"]);
  counter.series('x"\n\\', "y").inc(2);
  assert.equal(counter.render(), '# HELP c Help.\n# TYPE c counter\nc{a="x\\"\\n\\\\",b="y"} 2\n');
  const histogram = new Family("histogram", "h", "Help.", [], [1, 2]);
  for (const value of [0.5, 1, 1.5, 9]) histogram.series().observe(value);
  assert.equal(
    histogram.render(),
    '# HELP h Help.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="2"} 3\nh_bucket{le="+Inf"} 4\nh_sum 12\nh_count 4\n',
  );
  assert.equal(new Family("gauge", "g", "", []).render(), "");
});

test("/metrics shows requests under upstream's names and labels", async () => {
  const { send, open } = await startHttps();
  await send(`${CONFIG_MAPS}?dryRun=All`, { method: "POST", headers: json, body: map });
  await send(CONFIG_MAPS, { method: "POST", headers: json, body: map });
  await send(CONFIG_MAPS);
  await send("/api/v1/namespaces/default/endpoints");
  await send("/nowhere");
  await send(CONFIG_MAPS, { asNobody: true });
  const watch = await open(`${CONFIG_MAPS}?watch=true`);
  const { text } = await send("/metrics");
  watch.destroy();
  const labels = 'group="",version="v1",resource="configmaps",subresource=""';
  const expected = [
    `apiserver_request_total{verb="POST",dry_run="",${labels},scope="resource",component="apiserver",code="201"} 1`,
    `apiserver_request_total{verb="POST",dry_run="All",${labels},scope="resource",component="apiserver",code="201"} 1`,
    `apiserver_request_total{verb="LIST",dry_run="",${labels},scope="namespace",component="apiserver",code="403"} 1`,
    `apiserver_request_duration_seconds_count{verb="LIST",dry_run="",${labels},scope="namespace",component="apiserver"} 2`,
    `apiserver_request_sli_duration_seconds_count{verb="POST",${labels},scope="resource",component="apiserver"} 1`,
    `apiserver_response_sizes_count{verb="LIST",${labels},scope="namespace",component="apiserver"} 2`,
    'apiserver_request_body_size_bytes_count{group="",resource="configmaps",verb="create"} 2',
    `apiserver_longrunning_requests{verb="WATCH",${labels},scope="namespace",component="apiserver"} 1`,
    'apiserver_requested_deprecated_apis{group="",version="v1",resource="endpoints",subresource="",removed_release=""} 1',
    'authorization_attempts_total{result="no-opinion"} 1',
    'authenticated_user_requests{username="admin"} 7',
  ];
  for (const line of expected.map(sorted)) assert.ok(text.includes(`\n${line}\n`), line);
  const patterns = [
    /^apiserver_admission_controller_admission_duration_seconds_count\{name="NamespaceLifecycle",operation="CREATE",rejected="false",type="validate"\} \d+$/m,
    /^apiserver_admission_step_admission_duration_seconds_count\{operation="CREATE",rejected="false",type="admit"\} \d+$/m,
    /^etcd_request_duration_seconds_count\{group="",operation="create",resource="configmaps"\} \d+$/m,
    /^process_resident_memory_bytes \d+$/m,
  ];
  for (const pattern of patterns) assert.ok(pattern.test(text), String(pattern));
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  assert.equal(new Set(names).size, names.length, "a metric is shown twice");
});

test("deprecated kinds are answered with a warning", async () => {
  const { send } = await startHttps();
  const endpoints = await send("/api/v1/namespaces/default/endpoints");
  assert.equal(
    endpoints.headers["warning"],
    '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"',
  );
  const statuses = await send("/api/v1/componentstatuses/etcd-0");
  assert.equal(statuses.headers["warning"], '299 - "v1 ComponentStatus is deprecated in v1.19+"');
});

test("/readyz has upstream's checks, and /metrics/slis their results", async () => {
  const { send } = await startHttps();
  const { text } = await send("/readyz?verbose&exclude=etcd");
  const lines = text.split("\n");
  assert.deepEqual(lines.slice(0, 4), [
    "[+]ping ok",
    "[+]etcd excluded: ok",
    "[+]etcd-readiness ok",
    "[+]informer-sync ok",
  ]);
  assert.ok(lines.includes("[+]poststarthook/rbac/bootstrap-roles ok"));
  assert.deepEqual(lines.slice(-3), ["[+]shutdown ok", "readyz check passed", ""]);
  for (const path of ["/livez/ping", "/readyz/informer-sync", "/readyz/poststarthook/rbac/bootstrap-roles"]) {
    assert.equal((await send(path)).text, "ok");
  }
  assert.equal((await send("/livez/shutdown")).status, 404);
  const slis = await send("/metrics/slis");
  assert.match(slis.text, /^kubernetes_healthcheck\{name="ping",type="readyz"\} 1$/m);
  assert.match(slis.text, /^kubernetes_healthchecks_total\{name="ping",status="success",type="livez"\} 1$/m);
});

/** Labels are written here in the order in which upstream declares them. */
function sorted(line: string): string {
  return line.replace(/\{(.*)\}/, (_all, labels: string) => `{${labels.split(",").toSorted().join(",")}}`);
}
