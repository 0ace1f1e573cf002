/**
 * Mounting one path of a volume without letting a container lead us out of it by a symbolic link: the path is resolved,
 * proven to lie inside, opened component by component without following links, and mounted by its descriptor.
 * @module
 */
import type { Stats } from "node:fs";
import { chmod, mkdir, open, realpath, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { bindMount, isMountPoint, unmountBelow } from "./mounts.ts";
import { LOCATE, openInside, pathOf } from "./open-inside.ts";

/** Permissions, setuid, setgid and the sticky bit. */
const MODE_BITS = 0o7777;

/**
 * Mounts `subPath` of the volume at `bindTarget` (a file or folder that is made for it) and resolves to that. What is
 * mounted there already is taken as long as the volume still has it under that name.
 */
export async function resolveSubPath(
  volumePath: string,
  subPath: string,
  bindTarget: string,
): Promise<string> {
  const root = await realpath(volumePath);
  const inside = await resolveInside(root, subPath);
  await using handle = await openInside(root, inside);
  const info = await handle.stat();
  if (await isMountPoint(bindTarget)) {
    if (isSame(info, await stat(bindTarget))) return bindTarget;
    await unmountBelow(bindTarget);
  }
  await prepareTarget(bindTarget, info.isDirectory());
  await bindMount(`/proc/${process.pid}/fd/${handle.fd}`, bindTarget);
  return bindTarget;
}

const isSame = (a: Stats, b: Stats): boolean => a.dev === b.dev && a.ino === b.ino;

async function prepareTarget(bindTarget: string, isFolder: boolean): Promise<void> {
  if (isFolder) {
    await mkdir(bindTarget, { recursive: true, mode: 0o750 });
    return;
  }
  await mkdir(dirname(bindTarget), { recursive: true, mode: 0o750 });
  await writeFile(bindTarget, "", { mode: 0o640 });
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
  return partsOf(relative(root, at));
}

const partsOf = (path: string): string[] => path.split("/").filter((part) => part !== "");

/**
 * Makes a folder through the descriptor of its parent, which no link can redirect. It has the mode of the volume's own:
 * who may write there may write here.
 */
async function makeFolder(root: string, parent: string, name: string): Promise<void> {
  const mode = (await stat(root)).mode & MODE_BITS;
  await using handle = await openInside(root, partsOf(parent));
  await mkdir(`${pathOf(handle)}/${name}`, { mode });
  await using made = await open(`${pathOf(handle)}/${name}`, LOCATE);
  if (!(await made.stat()).isDirectory()) throw new Error(`${name} was replaced while it was made`);
  // mkdir's mode is cut by the umask, and has no setgid bit.
  await chmod(pathOf(made), mode);
}
