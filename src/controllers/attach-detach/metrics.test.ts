import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import type { VolumeAttachment, VolumeAttachmentStatus } from "#api/storage/v1/types.gen";
import type { MetricsSink } from "#client";
import { OperationTimes, VolumeCounts } from "./metrics.ts";

function newSink(): MetricsSink & { readonly lines: string[]; readonly gauges: Map<string, number> } {
  const lines: string[] = [];
  const gauges = new Map<string, number>();
  return {
    lines,
    gauges,
    inc: () => {},
    set: (name, labels, value) => void gauges.set(`${name} ${Object.values(labels).join(" ")}`, value),
    observe: (_name, labels, value) => void lines.push(`${Object.values(labels).join(" ")} ${value}`),
  };
}

function attachment(status?: VolumeAttachmentStatus): VolumeAttachment {
  return {
    apiVersion: "storage.k8s.io/v1",
    kind: "VolumeAttachment",
    metadata: { name: "csi-1" },
    spec: { attacher: "disk.csi", nodeName: "n", source: { persistentVolumeName: "pv" } },
    ...(status !== undefined && { status }),
  };
}

test("VolumeCounts counts by plugin what a node is to have, and in all what is there", () => {
  const sink = newSink();
  const counts = new VolumeCounts(sink);
  counts.note("a", ["x", "x", "y"], ["x"]);
  counts.note("b", ["x"], []);
  const totals = "attachdetach_controller_total_volumes kubernetes.io/csi:x";
  assert.deepEqual(
    [
      sink.gauges.get("storage_count_attachable_volumes_in_use a kubernetes.io/csi:x"),
      sink.gauges.get(`${totals} desired_state_of_world`),
      sink.gauges.get(`${totals} actual_state_of_world`),
    ],
    [2, 3, 1],
  );
  counts.note("a", [], []);
  assert.deepEqual(
    [
      sink.gauges.get("storage_count_attachable_volumes_in_use a kubernetes.io/csi:x"),
      sink.gauges.get(`${totals} desired_state_of_world`),
    ],
    [0, 1],
  );
});

test("OperationTimes measures from the request to the driver's answer, failures each by itself", () => {
  const [clock, sink] = [new FakeClock(), newSink()];
  const times = new OperationTimes(clock, sink);
  const failed = { attached: false, attachError: { message: "busy", time: "2026-01-01T00:00:02Z" } };
  times.begin("volume_attach", attachment());
  times.observe(attachment(), undefined, false);
  clock.advance(2_000);
  times.observe(attachment(failed), attachment(), false);
  times.observe(attachment(failed), attachment(failed), false);
  clock.advance(3_000);
  times.observe(attachment({ attached: true }), attachment(failed), false);
  times.observe(attachment({ attached: true }), attachment({ attached: true }), false);
  times.begin("volume_detach", attachment({ attached: true }));
  clock.advance(1_000);
  times.observe(attachment({ attached: true }), undefined, true);
  const plugin = "kubernetes.io/csi:disk.csi";
  assert.deepEqual(sink.lines, [
    `${plugin} volume_attach fail-unknown false 2`,
    `${plugin} volume_attach success false 3`,
    `${plugin} volume_detach success false 1`,
  ]);
});
