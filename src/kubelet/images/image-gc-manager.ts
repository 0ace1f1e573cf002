/** Removes images that nobody uses when their disk fills up, or when they are old. @module */
import { type Clock, type Logger, pause } from "#apimachinery";
import type { EventRecorder } from "#client";
import type { Node } from "#api/core/v1/types.gen";
import type { ImageService, RuntimeService } from "#cri";
import type { RuntimeFsStats } from "../stats/fs-stats.ts";
import {
  checkPolicy,
  diskFullMessage,
  evictionOrder,
  type ImageGCPolicy,
  type ImageRecord,
  isOldEnough,
  planDisk,
  tooOld,
} from "./image-gc-plan.ts";

export interface ImageGCOptions {
  readonly images: Pick<ImageService, "listImages" | "removeImage">;
  readonly runtime: Pick<RuntimeService, "listContainers">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
  readonly node: () => Node | undefined;
  readonly fs: (signal: AbortSignal) => Promise<RuntimeFsStats | undefined>;
  readonly policy: ImageGCPolicy;
  readonly onRemoved: (reason: "age" | "space") => void;
  /** Images that pods mount as volumes, as their specs name them. */
  readonly mounted: () => ReadonlySet<string>;
}

/** Upstream's ImageGCPeriod. */
const PERIOD_MS = 300_000;

interface Seen {
  readonly firstDetectedMs: number;
  lastUsedMs: number;
}

export class ImageGCManager {
  readonly #options: ImageGCOptions;
  /** By id; as many as there are images. */
  readonly #seen = new Map<string, Seen>();
  readonly #startedMs: number;
  #lastFailed = false;

  /** Throws when the policy contradicts itself. */
  constructor(options: ImageGCOptions) {
    checkPolicy(options.policy);
    this.#options = options;
    this.#startedMs = options.clock.now();
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    while (!signal.aborted) {
      try {
        await this.collect(signal);
        this.#lastFailed = false;
      } catch (err) {
        if (signal.aborted) return;
        logger.warn("Collecting unused images failed", { err });
        // Once may be chance: a disk that was measured while something was written.
        if (this.#lastFailed) this.#event("ImageGCFailed", (err as Error).message);
        this.#lastFailed = true;
      }
      await pause(clock, PERIOD_MS, signal);
    }
  }

  /** Removes what is too old, and what the disk has no room for. */
  async collect(signal: AbortSignal): Promise<void> {
    const { clock, policy, fs, logger } = this.#options;
    if (policy.highThresholdPercent === 100 && policy.maximumAgeMs === 0) return;
    const nowMs = clock.now();
    const order = evictionOrder(await this.#detect(nowMs, signal));
    const old = tooOld(order, policy, nowMs, this.#startedMs);
    const removed = await this.#removeAll(old, Infinity, "age", signal);
    const stats = await fs(signal);
    if (stats === undefined || policy.highThresholdPercent === 100) return;
    const { capacityBytes } = stats.imageFs;
    if (capacityBytes === 0) {
      const message = "invalid capacity 0 on image filesystem";
      this.#event("InvalidDiskCapacity", message);
      throw new Error(message);
    }
    const use = planDisk(stats.imageFs, policy);
    if (use.bytesToFree === 0) return;
    logger.info("The images' file system fills up", { ...use, capacityBytes });
    const left = order.filter((image) => !removed.has(image.id) && isOldEnough(image, policy, nowMs));
    const freed = sizeOf(left, await this.#removeAll(left, use.bytesToFree, "space", signal));
    if (freed >= use.bytesToFree) return;
    const message = diskFullMessage(use, capacityBytes, freed);
    this.#event("FreeDiskSpaceFailed", message);
    throw new Error(message);
  }

  /** Removes everything that is not used and not quite new. */
  async deleteUnused(signal: AbortSignal): Promise<void> {
    const { clock, policy } = this.#options;
    const nowMs = clock.now();
    const order = evictionOrder(await this.#detect(nowMs, signal));
    await this.#removeAll(
      order.filter((image) => isOldEnough(image, policy, nowMs)),
      Infinity,
      "space",
      signal,
    );
  }

  async #detect(nowMs: number, signal: AbortSignal): Promise<readonly ImageRecord[]> {
    const { images, runtime, mounted } = this.#options;
    const [list, containers] = await Promise.all([
      images.listImages({}, signal),
      runtime.listContainers({}, signal),
    ]);
    const used = new Set([
      ...containers.flatMap(({ image, imageRef }) => [image?.image ?? "", imageRef]),
      ...mounted(),
    ]);
    const here = new Set(list.map(({ id }) => id));
    for (const id of this.#seen.keys()) if (!here.has(id)) this.#seen.delete(id);
    return list.map(({ id, size, pinned, repoTags, repoDigests }) => {
      const seen = this.#seen.get(id) ?? { firstDetectedMs: nowMs, lastUsedMs: 0 };
      this.#seen.set(id, seen);
      const isUsed = [id, ...repoTags, ...repoDigests].some((name) => used.has(name));
      if (isUsed) seen.lastUsedMs = nowMs;
      return { id, size, pinned, isUsed, ...seen };
    });
  }

  /** Until so many bytes are free. Resolves to the ids that are gone; rejects after the rest when one could not be removed. */
  async #removeAll(
    images: readonly ImageRecord[],
    bytes: number,
    reason: "age" | "space",
    signal: AbortSignal,
  ): Promise<ReadonlySet<string>> {
    const { logger, onRemoved } = this.#options;
    const removed = new Set<string>();
    const errors: Error[] = [];
    let freed = 0;
    for (const { id, size } of images) {
      if (freed >= bytes) break;
      try {
        logger.info("Removing an image", { image: id, bytes: size, reason });
        await this.#options.images.removeImage({ image: id }, signal);
      } catch (err) {
        signal.throwIfAborted();
        errors.push(err as Error);
        continue;
      }
      this.#seen.delete(id);
      removed.add(id);
      freed += size;
      onRemoved(reason);
    }
    if (errors.length > 0) {
      const why = errors.map(({ message }) => message).join(", ");
      throw new Error(`Removing ${errors.length} of ${images.length} images failed: ${why}`, {
        cause: errors[0],
      });
    }
    return removed;
  }

  #event(reason: string, message: string): void {
    const node = this.#options.node();
    if (node !== undefined) this.#options.recorder.event(node, "Warning", reason, message);
  }
}

function sizeOf(images: readonly ImageRecord[], ids: ReadonlySet<string>): number {
  return images.reduce((sum, { id, size }) => sum + (ids.has(id) ? size : 0), 0);
}
