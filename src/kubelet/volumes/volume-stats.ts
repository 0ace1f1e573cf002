/** How full the volumes of pods are, measured when somebody asks, and not more often than once in a period. @module */
import { type Clock, formatTime, type Logger } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import { describeError } from "../container/describe-error.ts";
import { uidOf } from "../container/pod-spec.ts";
import type { VolumeHost } from "../platform/platform.ts";
import type { CsiVolumeStats } from "./csi/csi-client.ts";
import type { CsiPlugin } from "./csi/csi-plugin.ts";
import type { MountedVolume } from "./mounted-volume.ts";
import type { VolumeManager } from "./volume-manager.ts";

/** As in `/stats/summary`. */
export interface VolumeSummary {
  readonly time: string;
  readonly name: string;
  readonly pvcRef?: { readonly name: string; readonly namespace: string };
  readonly availableBytes?: number;
  readonly capacityBytes?: number;
  readonly usedBytes?: number;
  readonly inodes?: number;
  readonly inodesFree?: number;
  readonly inodesUsed?: number;
  readonly volumeHealthStats?: { readonly abnormal: boolean };
}

export interface VolumeStatsOptions {
  readonly volumes: Pick<VolumeManager, "mountedOf">;
  readonly csi: Pick<CsiPlugin, "stats">;
  readonly host: Pick<VolumeHost, "usage">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A volume is measured again after so long. Default `VOLUME_STATS_MS`. */
  readonly periodMs?: number | undefined;
  /** How long it took to measure a volume in that way: `statfs`, `du`, or the name of its driver. */
  readonly onMeasured: (source: string, seconds: number) => void;
}

interface Measured {
  readonly atMs: number;
  readonly summaries: Promise<readonly VolumeSummary[]>;
}

/** Upstream's default for volumeStatsAggPeriod. */
export const VOLUME_STATS_MS = 60_000;
/** Pods measured at the same time, so that counting files does not keep the disk from pods. */
const PODS_PARALLEL = 4;

export class VolumeStats {
  readonly #options: VolumeStatsOptions;
  /** By uid; those of pods that are gone leave with the next look. */
  readonly #measured = new Map<string, Measured>();

  constructor(options: VolumeStatsOptions) {
    this.#options = options;
  }

  /** By uid. What cannot be measured is absent. */
  async of(
    pods: readonly Pod[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly VolumeSummary[]>> {
    const uids = new Set(pods.map(uidOf));
    for (const uid of this.#measured.keys()) if (!uids.has(uid)) this.#measured.delete(uid);
    const result = new Map<string, readonly VolumeSummary[]>();
    for (let at = 0; at < pods.length; at += PODS_PARALLEL) {
      const slice = pods.slice(at, at + PODS_PARALLEL);
      const lists = await Promise.all(slice.map((pod) => this.#ofPod(pod, signal)));
      for (const [i, pod] of slice.entries()) result.set(uidOf(pod), lists[i]!);
    }
    return result;
  }

  #ofPod(pod: Pod, signal: AbortSignal): Promise<readonly VolumeSummary[]> {
    const uid = uidOf(pod);
    const { clock, periodMs = VOLUME_STATS_MS } = this.#options;
    const nowMs = clock.now();
    const known = this.#measured.get(uid);
    if (known !== undefined && nowMs - known.atMs < periodMs) return known.summaries;
    const summaries = this.#measureAll(pod, signal);
    this.#measured.set(uid, { atMs: nowMs, summaries });
    // An asker that went away must not leave its failure to the next.
    summaries.catch(() => this.#measured.delete(uid));
    return summaries;
  }

  async #measureAll(pod: Pod, signal: AbortSignal): Promise<readonly VolumeSummary[]> {
    const volumes = [...this.#options.volumes.mountedOf(uidOf(pod))];
    const namespace = pod.metadata.namespace ?? "";
    const all = await Promise.all(
      volumes.map(async ([name, volume]) => {
        try {
          const usage = await this.#measure(volume, signal);
          if (usage === undefined) return [];
          const { claimName } = volume;
          return [
            {
              time: formatTime(this.#options.clock.now()),
              name,
              ...(claimName !== undefined && { pvcRef: { name: claimName, namespace } }),
              ...usage,
            },
          ];
        } catch (err) {
          signal.throwIfAborted();
          const reason = describeError(err);
          this.#options.logger.debug("Measuring a volume failed", { pod: uidOf(pod), volume: name, reason });
          return [];
        }
      }),
    );
    return all.flat();
  }

  async #measure(
    { path, measure = "none" }: MountedVolume,
    signal: AbortSignal,
  ): Promise<Omit<VolumeSummary, "name" | "time"> | undefined> {
    const { host, csi, clock, onMeasured } = this.#options;
    if (measure === "none") return undefined;
    const source = typeof measure === "object" ? measure.driver : measure === "files" ? "du" : "statfs";
    const startMs = clock.monotonicMs();
    try {
      if (typeof measure === "string") return await host.usage(path, measure === "files");
      const stats = await csi.stats(measure.driver, measure.handle, path, signal);
      return stats === undefined ? undefined : summaryOf(stats);
    } finally {
      onMeasured(source, (clock.monotonicMs() - startMs) / 1000);
    }
  }
}

function summaryOf({ usage, volumeCondition }: CsiVolumeStats): Omit<VolumeSummary, "name" | "time"> {
  const bytes = usage.find(({ unit }) => unit === "BYTES");
  const inodes = usage.find(({ unit }) => unit === "INODES");
  return {
    ...(bytes !== undefined && {
      availableBytes: bytes.available,
      capacityBytes: bytes.total,
      usedBytes: bytes.used,
    }),
    ...(inodes !== undefined && {
      inodes: inodes.total,
      inodesFree: inodes.available,
      inodesUsed: inodes.used,
    }),
    ...(volumeCondition !== undefined && { volumeHealthStats: { abnormal: volumeCondition.abnormal } }),
  };
}
