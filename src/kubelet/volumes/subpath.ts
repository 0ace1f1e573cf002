/**
 * Mounting one path of a volume without letting a container lead us out of it by a symbolic link: the path is resolved,
 * proven to lie inside, opened component by component without following links, and mounted by its descriptor.
 * @module
 */
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, realpath, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { bindMount, isMountPoint } from "./mounts.ts";

/** Linux's O_PATH, which Node does not name: a place in the tree, not an open file. */
const O_PATH = 0o10000000;
const LOCATE = O_PATH | constants.O_NOFOLLOW;

/** Mounts `subPath` of the volume at `bindTarget` (a file or folder that is made for it) and resolves to that. */
export async function resolveSubPath(
  volumePath: string,
  subPath: string,
  bindTarget: string,
): Promise<string> {
  if (await isMountPoint(bindTarget)) return bindTarget;
  const root = await realpath(volumePath);
  const inside = await resolveInside(root, subPath);
  await using handle = await openInside(root, inside);
  const { isDirectory } = await kindOf(handle);
  if (isDirectory) await mkdir(bindTarget, { recursive: true, mode: 0o750 });
  else {
    await mkdir(dirname(bindTarget), { recursive: true, mode: 0o750 });
    await writeFile(bindTarget, "", { mode: 0o640 });
  }
  await bindMount(`/proc/${process.pid}/fd/${handle.fd}`, bindTarget);
  return bindTarget;
}

/** The path relative to `root` with links resolved; missing folders are made inside. */
async function resolveInside(root: string, subPath: string): Promise<readonly string[]> {
  if (subPath.startsWith("/"))
    throw new Error(`subPath ${JSON.stringify(subPath)} must not be an absolute path`);
  const parts = subPath.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new Error(`subPath ${JSON.stringify(subPath)} must not contain '..'`);
  let at = root;
  for (const part of parts) {
    const next = join(at, part);
    try {
      at = await realpath(next);
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== "ENOENT") throw err;
      await makeFolder(root, relative(root, at), part);
      at = next;
    }
    const inside = relative(root, at);
    if (inside === ".." || inside.startsWith("../")) {
      throw new Error(`subpath ${JSON.stringify(subPath)} not within volume path ${root}`);
    }
  }
  return relative(root, at)
    .split("/")
    .filter((part) => part !== "");
}

/** Makes a folder through the descriptor of its parent, which no link can redirect. */
async function makeFolder(root: string, parent: string, name: string): Promise<void> {
  const parts = parent.split("/").filter((part) => part !== "");
  await using handle = await openInside(root, parts);
  await mkdir(`/proc/self/fd/${handle.fd}/${name}`, { mode: 0o750 });
}

async function openInside(root: string, parts: readonly string[]): Promise<FileHandle> {
  let handle = await open(root, LOCATE);
  for (const part of parts) {
    const parent = handle;
    try {
      handle = await open(`/proc/self/fd/${parent.fd}/${part}`, LOCATE);
    } finally {
      await parent.close();
    }
    if ((await kindOf(handle)).isLink) {
      await handle.close();
      throw new Error(`unexpected symlink found at ${part}`);
    }
  }
  return handle;
}

async function kindOf(
  handle: FileHandle,
): Promise<{ readonly isDirectory: boolean; readonly isLink: boolean }> {
  const info = await handle.stat();
  return { isDirectory: info.isDirectory(), isLink: info.isSymbolicLink() };
}
