import assert from "node:assert/strict";
import { test } from "node:test";
import { Metrics } from "./metrics.ts";

const WANTED: readonly RegExp[] = [
  /^# HELP kubernetes_build_info \[BETA\] .*\n# TYPE kubernetes_build_info gauge\nkubernetes_build_info\{major="1",minor="36",git_version="v1\.36\.\d+\+k8ts",.*,platform="[^"]+"\} 1$/m,
  /^kubernetes_feature_enabled\{name="AllAlpha",stage="ALPHA"\} 0$/m,
  /^kubernetes_feature_enabled\{name="NodeDeclaredFeatures",stage="BETA"\} 0$/m,
  /^kubernetes_feature_enabled\{name="SidecarContainers",stage=""\} 1$/m,
  /^kubernetes_feature_enabled\{name="WatchList",stage="BETA"\} 1$/m,
  /^process_start_time_seconds \d+(\.\d+)?$/m,
  /^process_cpu_seconds_total \d+(\.\d+)?$/m,
  /^# HELP workqueue_depth \[BETA\] /m,
  /^# HELP rest_client_requests_total \[ALPHA\] /m,
];

test("Metrics.describeComponent() shows the process, its version and every feature gate", async () => {
  const metrics = new Metrics();
  assert.doesNotMatch(await metrics.expose(), /kubernetes_build_info/u);
  metrics.describeComponent(Date.UTC(2026, 0, 1));
  const text = await metrics.expose();
  for (const line of WANTED) assert.match(text, line);
});
