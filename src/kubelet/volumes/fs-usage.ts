/** How full a volume is. @module */
import { lstat, readdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { FsUsage } from "../platform/platform.ts";

const BLOCK_BYTES = 512;
/** Files looked at the same time. */
const WALK_PARALLEL = 32;

/** `measure`: the folder shares its file system with others, so that what lies in it is added up. */
export async function fsUsage(path: string, measure: boolean): Promise<FsUsage> {
  const fs = await statfs(path);
  const whole = {
    capacityBytes: fs.blocks * fs.bsize,
    availableBytes: fs.bavail * fs.bsize,
    usedBytes: (fs.blocks - fs.bfree) * fs.bsize,
    inodes: fs.files,
    inodesFree: fs.ffree,
    inodesUsed: fs.files - fs.ffree,
  };
  if (!measure) return whole;
  const sum: Sum = { bytes: 0, inodes: 0, linked: new Set() };
  await add(path, sum, (await lstat(path)).dev);
  return { ...whole, usedBytes: sum.bytes, inodesUsed: sum.inodes };
}

interface Sum {
  bytes: number;
  inodes: number;
  /** Files with several names, which count once. */
  readonly linked: Set<number>;
}

async function add(path: string, sum: Sum, dev: number): Promise<void> {
  const info = await lstat(path).catch((err: unknown) => {
    // Files come and go while they are counted.
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  });
  if (info === undefined || info.dev !== dev) return;
  if (info.nlink > 1 && !info.isDirectory()) {
    if (sum.linked.has(info.ino)) return;
    sum.linked.add(info.ino);
  }
  sum.bytes += info.blocks * BLOCK_BYTES;
  sum.inodes++;
  if (!info.isDirectory()) return;
  const names = await readdir(path).catch((err: unknown) => {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw err;
  });
  for (let at = 0; at < names.length; at += WALK_PARALLEL)
    await Promise.all(names.slice(at, at + WALK_PARALLEL).map((name) => add(join(path, name), sum, dev)));
}
