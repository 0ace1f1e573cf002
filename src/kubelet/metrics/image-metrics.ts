/** What is counted and timed of images: whether they were there, how long they took, and those that are volumes. @module */
import type { Counter, Histogram } from "#component-base";
import type { MetricFactory } from "./metric-factory.ts";

const PULL_BUCKETS = [1, 5, 10, 20, 30, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];
const MIB = 2 ** 20;
const GIB = 2 ** 30;
/** More than so many bytes are shown as that, the largest first. */
const SIZES: readonly (readonly [bytes: number, label: string])[] = [
  [100 * GIB, "GT100GB"],
  [60 * GIB, "60GB-100GB"],
  [40 * GIB, "40GB-60GB"],
  [30 * GIB, "30GB-40GB"],
  [20 * GIB, "20GB-30GB"],
  [10 * GIB, "10GB-20GB"],
  [5 * GIB, "5GB-10GB"],
  [GIB, "1GB-5GB"],
  [500 * MIB, "500MB-1GB"],
  [100 * MIB, "100MB-500MB"],
  [10 * MIB, "10MB-100MB"],
  [0, "0-10MB"],
];

export class ImageMetrics {
  readonly collected: Counter;
  readonly volumesRequested: Counter;
  readonly volumesMounted: Counter;
  readonly volumeErrors: Counter;
  readonly #pullSeconds: Histogram;
  readonly #ensured: Counter;

  constructor(make: MetricFactory) {
    const volumes = (name: string, help: string): Counter =>
      make.counter(`kubelet_image_volume_${name}_total`, `[BETA] ${help}`);
    this.collected = make.counter(
      "kubelet_image_garbage_collected_total",
      "Images removed by kubelet, by reason",
      "reason",
    );
    this.volumesRequested = volumes("requested", "Images that containers were to have as volumes");
    this.volumesMounted = volumes("mounted_succeed", "Images that containers have got as volumes");
    this.volumeErrors = volumes("mounted_errors", "Images that could not be mounted as volumes");
    this.#pullSeconds = make.histogram(
      "kubelet_image_pull_duration_seconds",
      PULL_BUCKETS,
      "How long pulls of images took, with their waiting, by size of the image",
      "image_size_in_bytes",
    );
    this.#ensured = make.counter(
      "kubelet_image_manager_ensure_image_requests_total",
      "How often an image was needed, by pull policy and whether it was there and had to be pulled",
      "pull_policy",
      "present_locally",
      "pull_required",
    );
  }

  pulled(sizeBytes: number, seconds: number): void {
    this.#pullSeconds.observe({ image_size_in_bytes: imageSizeLabel(sizeBytes) }, seconds);
  }

  /** Undefined: that did not become known. */
  ensured(pullPolicy: string, isPresent: boolean | undefined, mustPull: boolean | undefined): void {
    this.#ensured.inc({
      pull_policy: pullPolicy.toLowerCase(),
      present_locally: String(isPresent ?? "unknown"),
      pull_required: String(mustPull ?? "unknown"),
    });
  }
}

export function imageSizeLabel(bytes: number): string {
  return SIZES.find(([more]) => bytes > more)?.[1] ?? "N/A";
}
