/** Whether a pod has more on the node's disk than it may. Pure; messages are upstream's. @module */
import { formatQuantity, parseQuantity, quantityValue } from "#apimachinery";
import { podLimits } from "#api/core/v1/pod-resources";
import type { Pod } from "#api/core/v1/types.gen";
import { containersOf, specOf } from "../container/pod-spec.ts";
import type { PodSummary } from "../server/stats-summary.ts";

export interface StorageExcess {
  /** As the metric of evictions names it. */
  readonly signal: "emptydirfs.limit" | "ephemeralpodfs.limit" | "ephemeralcontainerfs.limit";
  readonly message: string;
}

/** Pods that limit nothing are never measured for this. */
export function limitsLocalStorage(pod: Pod): boolean {
  const spec = specOf(pod);
  return (
    podLimits(spec)["ephemeral-storage"] !== undefined ||
    (spec.volumes ?? []).some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined)
  );
}

export function localStorageExcess(
  pod: Pod,
  stats: PodSummary,
  dedicatedImageFs: boolean,
): StorageExcess | undefined {
  return emptyDirExcess(pod, stats) ?? podExcess(pod, stats) ?? containerExcess(pod, stats, dedicatedImageFs);
}

function emptyDirExcess(pod: Pod, { volume = [] }: PodSummary): StorageExcess | undefined {
  for (const { name, emptyDir } of specOf(pod).volumes ?? []) {
    const used = volume.find((one) => one.name === name)?.usedBytes;
    const limit = valueOf(emptyDir?.sizeLimit);
    if (used === undefined || limit === undefined || limit <= 0 || used <= limit) continue;
    const message = `Usage of EmptyDir volume ${JSON.stringify(name)} exceeds the limit ${quoted(emptyDir!.sizeLimit!)}. `;
    return { signal: "emptydirfs.limit", message };
  }
  return undefined;
}

function podExcess(pod: Pod, stats: PodSummary): StorageExcess | undefined {
  const text = podLimits(specOf(pod))["ephemeral-storage"];
  const limit = valueOf(text);
  const used = stats["ephemeral-storage"]?.usedBytes ?? 0;
  if (text === undefined || limit === undefined || used <= limit) return undefined;
  const shown = formatQuantity(parseQuantity(text));
  const message = `Pod ephemeral local storage usage exceeds the total limit of containers ${shown}. `;
  return { signal: "ephemeralpodfs.limit", message };
}

function containerExcess(pod: Pod, stats: PodSummary, dedicatedImageFs: boolean): StorageExcess | undefined {
  for (const { name, logs, rootfs } of stats.containers) {
    const text = containersOf(pod).find((one) => one.name === name)?.resources?.limits?.["ephemeral-storage"];
    const limit = valueOf(text);
    const used = (logs?.usedBytes ?? 0) + (dedicatedImageFs ? 0 : (rootfs?.usedBytes ?? 0));
    if (text === undefined || limit === undefined || limit === 0 || used <= limit) continue;
    const message = `Container ${name} exceeded its local ephemeral storage limit ${quoted(text)}. `;
    return { signal: "ephemeralcontainerfs.limit", message };
  }
  return undefined;
}

function valueOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : quantityValue(parseQuantity(text));
}

function quoted(quantity: string): string {
  return JSON.stringify(formatQuantity(parseQuantity(quantity)));
}
