/** Pulls of images, so many at once and then so many a second; what exceeds that fails, as upstream. @module */
import { type Clock, TokenBucket } from "#apimachinery";
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
  const bucket = new TokenBucket(clock, { perSecond: registryPullQPS, burst: registryBurst });
  return {
    imageStatus: (...args) => images.imageStatus(...args),
    async pullImage(...args) {
      if (!bucket.allow()) throw new Error("pull QPS exceeded");
      return images.pullImage(...args);
    },
  };
}
