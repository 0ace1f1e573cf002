import assert from "node:assert/strict";
import { test } from "node:test";
import { WORKQUEUE_BUCKETS } from "./buckets.ts";
import { Metrics } from "./metrics.ts";

test("Metrics exposes what was declared in the text format", async () => {
  const metrics = new Metrics([
    {
      type: "histogram",
      name: "apiserver_request_duration_seconds",
      help: "Latency",
      labels: ["verb"],
      buckets: [0.1, 1],
    },
  ]);
  metrics.inc("workqueue_adds_total", { name: "pods" }, 2);
  metrics.set("workqueue_depth", { name: "pods" }, 3);
  metrics.observe("apiserver_request_duration_seconds", { verb: "GET" }, 0.5);
  let read = 0;
  metrics.onExpose(() => (read += 1));
  const text = await metrics.expose();
  assert.match(
    text,
    /^# HELP workqueue_adds_total .*\n# TYPE workqueue_adds_total counter\nworkqueue_adds_total\{name="pods"\} 2$/m,
  );
  assert.match(text, /^workqueue_depth\{name="pods"\} 3$/m);
  assert.match(text, /^apiserver_request_duration_seconds_bucket\{le="1",verb="GET"\} 1$/m);
  assert.equal(read, 1);
  metrics.remove("workqueue_depth", { name: "pods" });
  assert.doesNotMatch(await metrics.expose(), /workqueue_depth\{/);
  assert.throws(() => metrics.observe("nope", {}, 1), /no histogram nope was declared/);
  assert.throws(() => metrics.inc("nope"), /no gauge or counter nope was declared/);
});

test("bucket bounds are round numbers", () => {
  assert.deepEqual(WORKQUEUE_BUCKETS.slice(0, 3), [1e-8, 1e-7, 1e-6]);
  assert.equal(WORKQUEUE_BUCKETS.at(-1), 1000);
});
