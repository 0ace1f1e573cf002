import assert from "node:assert/strict";
import { test } from "node:test";
import { volumeMetricsText } from "./volume-metrics.ts";

test("volumeMetricsText() shows each claim once, and only what was measured", () => {
  const pvcRef = { name: "data", namespace: "default" };
  const volume = { time: "2026-01-01T00:00:00Z", name: "v", pvcRef, usedBytes: 7 };
  const lines = volumeMetricsText([
    volume,
    { ...volume, name: "again", volumeHealthStats: { abnormal: true } },
    { time: volume.time, name: "scratch", usedBytes: 1 },
  ]).split("\n");
  assert.deepEqual(
    lines.filter((line) => line !== "" && !line.startsWith("#")),
    [
      'kubelet_volume_stats_used_bytes{namespace="default",persistentvolumeclaim="data"} 7',
      'kubelet_volume_stats_health_status_abnormal{namespace="default",persistentvolumeclaim="data"} 1',
    ],
  );
});
