/** Which images are to go. Pure; upstream's rules. @module */

export interface ImageGCPolicy {
  /** From this use of its file system on, in percent, images are removed until it is below the lower one. */
  readonly highThresholdPercent: number;
  readonly lowThresholdPercent: number;
  /** Images that came later are kept: a container may be about to use them. */
  readonly minimumAgeMs: number;
  /** Images that nobody used for longer go however empty the disk is; 0: never. */
  readonly maximumAgeMs: number;
}

export const DEFAULT_IMAGE_GC: ImageGCPolicy = {
  highThresholdPercent: 85,
  lowThresholdPercent: 80,
  minimumAgeMs: 120_000,
  maximumAgeMs: 0,
};

export interface ImageRecord {
  readonly id: string;
  readonly size: number;
  readonly pinned: boolean;
  readonly isUsed: boolean;
  readonly firstDetectedMs: number;
  /** 0: never seen in use. */
  readonly lastUsedMs: number;
}

/** Throws when the policy contradicts itself. */
export function checkPolicy({ highThresholdPercent: high, lowThresholdPercent: low }: ImageGCPolicy): void {
  if (high < 0 || high > 100)
    throw new Error(`invalid HighThresholdPercent ${high}, must be in range [0-100]`);
  if (low < 0 || low > 100) throw new Error(`invalid LowThresholdPercent ${low}, must be in range [0-100]`);
  if (low > high)
    throw new Error(`LowThresholdPercent ${low} can not be higher than HighThresholdPercent ${high}`);
}

/** Those that may go at all; what was not used for longest comes first. */
export function evictionOrder(records: readonly ImageRecord[]): readonly ImageRecord[] {
  return records
    .filter(({ isUsed, pinned }) => !isUsed && !pinned)
    .toSorted((a, b) => a.lastUsedMs - b.lastUsedMs || a.firstDetectedMs - b.firstDetectedMs);
}

/** Images that nobody used for too long. Until kubelet has watched for that long, it cannot know. */
export function tooOld(
  order: readonly ImageRecord[],
  { maximumAgeMs }: ImageGCPolicy,
  nowMs: number,
  startedMs: number,
): readonly ImageRecord[] {
  if (maximumAgeMs === 0 || nowMs - startedMs <= maximumAgeMs) return [];
  return order.filter(({ lastUsedMs }) => nowMs - lastUsedMs > maximumAgeMs);
}

export function isOldEnough(image: ImageRecord, { minimumAgeMs }: ImageGCPolicy, nowMs: number): boolean {
  return image.lastUsedMs < nowMs && nowMs - image.firstDetectedMs >= minimumAgeMs;
}

export interface DiskUse {
  readonly usagePercent: number;
  /** 0: there is room enough. */
  readonly bytesToFree: number;
}

export function planDisk(
  { capacityBytes, availableBytes }: { readonly capacityBytes: number; readonly availableBytes: number },
  { highThresholdPercent, lowThresholdPercent }: ImageGCPolicy,
): DiskUse {
  const available = Math.min(availableBytes, capacityBytes);
  const usagePercent = 100 - Math.floor((available * 100) / capacityBytes);
  if (usagePercent < highThresholdPercent) return { usagePercent, bytesToFree: 0 };
  return {
    usagePercent,
    bytesToFree: Math.max(
      0,
      Math.floor((capacityBytes * (100 - lowThresholdPercent)) / 100) - availableBytes,
    ),
  };
}

const UNITS = ["KiB", "MiB", "GiB", "TiB"] as const;

/** `12.3 GiB`. */
export function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const unit = Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length);
  return `${(bytes / 1024 ** unit).toFixed(1)} ${UNITS[unit - 1]}`;
}

export function diskFullMessage(
  { usagePercent }: DiskUse,
  capacityBytes: number,
  freedBytes: number,
): string {
  return [
    `Insufficient free disk space on the node's image filesystem (${usagePercent}% of ${formatSize(capacityBytes)} used).`,
    `Failed to free sufficient space by deleting unused images (freed ${freedBytes} bytes).`,
    "Investigate disk usage, as it could be used by active images, logs, volumes, or other data.",
  ].join(" ");
}
