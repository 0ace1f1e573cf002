/** Pulls of images, so many at once and then so many a second; what exceeds that fails, as upstream. @module */
import type { Clock } from "#apimachinery";
import type { ImageService } from "#cri";

export interface PullLimit {
  readonly clock: Clock;
  /** Default 0: no bound. */
  readonly registryPullQPS?: number;
  /** Default 10. */
  readonly registryBurst?: number;
}

export type ImagePuller = Pick<ImageService, "imageStatus" | "pullImage">;

const BURST_DEFAULT = 10;

export function limitedPulls(images: ImagePuller, limit: PullLimit): ImagePuller {
  const { registryPullQPS = 0, registryBurst = BURST_DEFAULT, clock } = limit;
  if (registryPullQPS === 0) return images;
  let left = registryBurst;
  let filledMs = clock.monotonicMs();
  const isTaken = (): boolean => {
    const nowMs = clock.monotonicMs();
    left = Math.min(registryBurst, left + ((nowMs - filledMs) * registryPullQPS) / 1000);
    filledMs = nowMs;
    if (left < 1) return false;
    left -= 1;
    return true;
  };
  return {
    imageStatus: (...args) => images.imageStatus(...args),
    async pullImage(...args) {
      if (!isTaken()) throw new Error("pull QPS exceeded");
      return images.pullImage(...args);
    },
  };
}
