/** Gives a volume's files to the pod's group; upstream's VolumeOwnership. @module */
import type { Stats } from "node:fs";
import { chmod, chown, lchown, lstat, open, readdir, stat } from "node:fs/promises";
import type { OwnershipOptions } from "../platform/platform.ts";
import { LOCATE, pathOf } from "./open-inside.ts";

/** Files of a folder that are changed at the same time. */
const WALK_PARALLEL = 16;
/** Each folder on the way down stays open. */
const DEPTH_MAX = 1000;
const READ_WRITE = 0o660;
const READ = 0o440;
const SEARCH = 0o110;
const SETUID = 0o4000;
const SETGID = 0o2000;

/**
 * The group may read, and write unless it is read-only; new files inherit it. A folder comes after what it holds. Other
 * pods may use the volume meanwhile: what they move or replace by links leads nowhere else.
 */
export async function setGroup(path: string, gid: number, options: OwnershipOptions = {}): Promise<void> {
  const { readOnly = false, onRootMismatch = false } = options;
  if (onRootMismatch && fits(await stat(path), gid, readOnly)) return;
  await walk(path, 0, { gid, options });
}

function fits(info: Stats, gid: number, readOnly: boolean): boolean {
  const wanted = (readOnly ? READ : READ_WRITE) | SEARCH | SETGID;
  return info.isDirectory() && info.gid === gid && (info.mode & wanted) === wanted;
}

interface Change {
  readonly gid: number;
  readonly options: OwnershipOptions;
}

async function walk(path: string, depth: number, change: Change): Promise<void> {
  const { gid, options } = change;
  const seen = await lstat(path);
  // A link's own mode means nothing. Without a change of mode, nothing is done that would follow a link.
  if (seen.isSymbolicLink() || (seen.isFile() && hasMode(seen, options))) {
    options.onFile?.();
    await lchown(path, -1, gid);
    return;
  }
  await using place = await open(path, LOCATE);
  const itself = pathOf(place);
  const info = await place.stat();
  if (info.isDirectory()) await walkFolder(itself, depth + 1, change);
  options.onFile?.();
  if (info.isSymbolicLink()) return;
  await chown(itself, -1, gid);
  await chmod(itself, (info.mode & 0o7777) | maskOf(info, options));
}

/** Also after the owner has changed, which takes setuid and setgid away. */
function hasMode(info: Stats, options: OwnershipOptions): boolean {
  const mask = maskOf(info, options);
  return (info.mode & mask) === mask && (info.mode & (SETUID | SETGID)) === 0;
}

function maskOf(info: Stats, { readOnly = false }: OwnershipOptions): number {
  return (readOnly ? READ : READ_WRITE) | (info.isDirectory() ? SEARCH | SETGID : 0);
}

async function walkFolder(path: string, depth: number, change: Change): Promise<void> {
  if (depth > DEPTH_MAX) throw new Error(`volume has folders more than ${DEPTH_MAX} deep`);
  const entries = await readdir(path, { withFileTypes: true });
  const others = entries.filter((entry) => !entry.isDirectory());
  for (let at = 0; at < others.length; at += WALK_PARALLEL) {
    const slice = others.slice(at, at + WALK_PARALLEL);
    await Promise.all(slice.map(({ name }) => walk(`${path}/${name}`, depth, change)));
  }
  for (const entry of entries) if (entry.isDirectory()) await walk(`${path}/${entry.name}`, depth, change);
}
