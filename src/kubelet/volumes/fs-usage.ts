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
  const sum: Sum = { bytes: 0, inodes: 0, linked: new Set(), dev: (await lstat(path)).dev };
  if (await count(path, sum)) await addFolder(path, sum);
  return { ...whole, usedBytes: sum.bytes, inodesUsed: sum.inodes };
}

interface Sum {
  bytes: number;
  inodes: number;
  /** Files with several names, which count once. */
  readonly linked: Set<number>;
  /** What is mounted below is not counted. */
  readonly dev: number;
}

/** One folder after another: the tree may have any shape, and what is under way must not grow with it. */
async function addFolder(path: string, sum: Sum): Promise<void> {
  const names = (await unlessGone(readdir(path))) ?? [];
  const folders: string[] = [];
  for (let at = 0; at < names.length; at += WALK_PARALLEL) {
    const below = names.slice(at, at + WALK_PARALLEL).map((name) => join(path, name));
    const isFolder = await Promise.all(below.map((one) => count(one, sum)));
    folders.push(...below.filter((_, i) => isFolder[i]));
  }
  for (const folder of folders) await addFolder(folder, sum);
}

/** Resolves to whether it is a folder, whose content is to be counted as well. */
async function count(path: string, sum: Sum): Promise<boolean> {
  const info = await unlessGone(lstat(path));
  if (info === undefined || info.dev !== sum.dev) return false;
  if (info.nlink > 1 && !info.isDirectory()) {
    if (sum.linked.has(info.ino)) return false;
    sum.linked.add(info.ino);
  }
  sum.bytes += info.blocks * BLOCK_BYTES;
  sum.inodes++;
  return info.isDirectory();
}

/** Files come and go, and take each other's place, while they are counted. */
async function unlessGone<R>(looking: Promise<R>): Promise<R | undefined> {
  try {
    return await looking;
  } catch (err) {
    if (["ENOENT", "ENOTDIR"].includes((err as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw err;
  }
}
