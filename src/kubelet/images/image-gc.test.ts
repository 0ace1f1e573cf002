import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import type { Container, Image } from "#cri";
import { NODE_START_MS } from "../container/testing.ts";
import type { RuntimeFsStats } from "../stats/fs-stats.ts";
import { ImageGCManager } from "./image-gc-manager.ts";
import { DEFAULT_IMAGE_GC, checkPolicy, formatSize, type ImageGCPolicy, planDisk } from "./image-gc-plan.ts";

const MINUTE_MS = 60_000;

function image(id: string, size: number, more: Partial<Image> = {}): Image {
  return { id, size, repoTags: [`${id}:1`], repoDigests: [], username: "", pinned: false, ...more };
}

function node(images: readonly Image[], used: readonly string[], policy: Partial<ImageGCPolicy> = {}) {
  const clock = new FakeClock(NODE_START_MS);
  const events: string[] = [];
  const removed: string[] = [];
  let left = [...images];
  const disk = { capacityBytes: 1000, availableBytes: 500 };
  const manager = new ImageGCManager({
    images: {
      listImages: async () => left,
      removeImage: async ({ image: id }) => {
        if (id === "stuck") throw new Error("stuck is busy");
        removed.push(id);
        left = left.filter((one) => one.id !== id);
      },
    },
    runtime: { listContainers: async () => used.map((imageRef) => ({ imageRef }) as Container) },
    clock,
    logger: silentLogger,
    recorder: { event: (_about, _type, reason, message) => void events.push(`${reason}: ${message}`) },
    node: () => ({ apiVersion: "v1", kind: "Node", metadata: { name: "n1" } }),
    fs: async () => ({ imageFs: disk }) as RuntimeFsStats,
    policy: { ...DEFAULT_IMAGE_GC, ...policy },
    onRemoved: () => {},
    mounted: () => new Set(["volume:1"]),
  });
  const collect = async (): Promise<string> => {
    await manager.collect(new AbortController().signal).catch((err: Error) => void removed.push(err.message));
    return removed.splice(0).join(" ");
  };
  return { clock, manager, collect, disk, events, removed };
}

test("ImageGCManager removes unused images until there is room enough, the oldest first", async () => {
  const n = node(
    [
      image("used", 100),
      image("pinned", 100, { pinned: true }),
      image("volume", 100),
      image("a", 40),
      image("b", 40),
      image("c", 40),
    ],
    ["used"],
  );
  n.disk.availableBytes = 150;
  assert.equal(
    await n.collect(),
    "Insufficient free disk space on the node's image filesystem (85% of 1000 B used). Failed to free sufficient space by deleting unused images (freed 0 bytes). Investigate disk usage, as it could be used by active images, logs, volumes, or other data.",
    "all are new",
  );
  assert.match(n.events[0] ?? "", /^FreeDiskSpaceFailed: Insufficient free disk space/);
  n.clock.advance(3 * MINUTE_MS);
  assert.equal(await n.collect(), "a b", "50 bytes were wanted");
});

test("ImageGCManager leaves the disk alone below the high threshold", async () => {
  const n = node([image("a", 40)], []);
  await n.collect();
  n.clock.advance(3 * MINUTE_MS);
  n.disk.availableBytes = 160;
  assert.equal(await n.collect(), "");
});

test("ImageGCManager removes images that were not used for too long", async () => {
  const n = node([image("used", 1), image("a", 1)], ["used"], { maximumAgeMs: 10 * MINUTE_MS });
  await n.collect();
  n.clock.advance(10 * MINUTE_MS);
  assert.equal(await n.collect(), "", "kubelet has not watched for longer");
  n.clock.advance(1);
  assert.equal(await n.collect(), "a");
});

test("ImageGCManager goes on after an image that cannot be removed, and says so", async () => {
  const n = node([image("stuck", 40), image("a", 40)], []);
  await n.collect();
  n.clock.advance(3 * MINUTE_MS);
  await assert.rejects(
    n.manager.deleteUnused(new AbortController().signal),
    /1 of 2 images failed: stuck is busy/,
  );
  assert.deepEqual(n.removed, ["a"]);
});

test("planDisk() and formatSize() reckon as upstream", () => {
  assert.deepEqual(planDisk({ capacityBytes: 1000, availableBytes: 100 }, DEFAULT_IMAGE_GC), {
    usagePercent: 90,
    bytesToFree: 100,
  });
  assert.deepEqual([1023, 1024, 1536 * 1024, 5 * 2 ** 40].map(formatSize), [
    "1023 B",
    "1.0 KiB",
    "1.5 MiB",
    "5.0 TiB",
  ]);
  assert.throws(
    () => checkPolicy({ ...DEFAULT_IMAGE_GC, lowThresholdPercent: 90 }),
    /can not be higher than/,
  );
});
