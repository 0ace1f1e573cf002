/** How full the volumes behind claims are, with upstream's names. Pure. @module */
import type { VolumeSummary } from "../volumes/volume-stats.ts";
import { familyText } from "#component-base";

type Value = (volume: VolumeSummary) => number | undefined;

const FAMILIES: readonly (readonly [name: string, help: string, value: Value])[] = [
  ["capacity_bytes", "Capacity in bytes of the volume", (v) => v.capacityBytes],
  ["available_bytes", "Number of available bytes in the volume", (v) => v.availableBytes],
  ["used_bytes", "Number of used bytes in the volume", (v) => v.usedBytes],
  ["inodes", "Maximum number of inodes in the volume", (v) => v.inodes],
  ["inodes_free", "Number of free inodes in the volume", (v) => v.inodesFree],
  ["inodes_used", "Number of used inodes in the volume", (v) => v.inodesUsed],
  [
    "health_status_abnormal",
    "Abnormal volume health status. The count is either 1 or 0. 1 indicates the volume is unhealthy, 0 indicates volume is healthy",
    (v) => (v.volumeHealthStats === undefined ? undefined : Number(v.volumeHealthStats.abnormal)),
  ],
];

/** A claim that several pods mount is shown once. */
export function volumeMetricsText(volumes: Iterable<VolumeSummary>): string {
  const claims = new Map<string, VolumeSummary>();
  for (const volume of volumes) {
    const { pvcRef } = volume;
    if (pvcRef !== undefined) claims.set(`${pvcRef.namespace}/${pvcRef.name}`, volume);
  }
  const texts = FAMILIES.map(([name, help, value]) => {
    const samples = [...claims.values()].map((volume) => ({
      labels: {
        namespace: volume.pvcRef?.namespace ?? "",
        persistentvolumeclaim: volume.pvcRef?.name ?? "",
      },
      value: value(volume),
    }));
    return familyText(`kubelet_volume_stats_${name}`, "gauge", `[ALPHA] ${help}`, samples);
  });
  return texts.join("");
}
