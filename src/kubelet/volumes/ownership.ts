/** Gives a volume's files to the pod's group; upstream's VolumeOwnership. @module */
import type { Stats } from "node:fs";
import { chmod, lchown, lstat, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { OwnershipOptions } from "../platform/platform.ts";

/** Files changed at the same time, in each folder. */
const WALK_PARALLEL = 16;
const READ_WRITE = 0o660;
const READ = 0o440;
const SEARCH = 0o110;
const SETGID = 0o2000;

/** The group may read, and write unless it is read-only; new files inherit it. A folder comes after what it holds. */
export async function setGroup(path: string, gid: number, options: OwnershipOptions = {}): Promise<void> {
  const { readOnly = false, onRootMismatch = false } = options;
  if (onRootMismatch && fits(await stat(path), gid, readOnly)) return;
  await walk(path, gid, options);
}

function fits(info: Stats, gid: number, readOnly: boolean): boolean {
  const wanted = (readOnly ? READ : READ_WRITE) | SEARCH | SETGID;
  return info.isDirectory() && info.gid === gid && (info.mode & wanted) === wanted;
}

async function walk(path: string, gid: number, options: OwnershipOptions): Promise<void> {
  const info = await lstat(path);
  if (info.isDirectory()) {
    const names = await readdir(path);
    for (let at = 0; at < names.length; at += WALK_PARALLEL) {
      const slice = names.slice(at, at + WALK_PARALLEL);
      await Promise.all(slice.map((name) => walk(join(path, name), gid, options)));
    }
  }
  options.onFile?.();
  await lchown(path, -1, gid);
  // A link's own mode means nothing, and chmod would follow it.
  if (info.isSymbolicLink()) return;
  const mask = (options.readOnly === true ? READ : READ_WRITE) | (info.isDirectory() ? SEARCH | SETGID : 0);
  await chmod(path, (info.mode & 0o7777) | mask);
}
