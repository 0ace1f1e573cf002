/** Replaces a folder's files in one step: a new timestamped folder, and a `..data` symbolic link that is renamed over the old. @module */
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import type { Payload, PayloadFile } from "../platform/platform.ts";
import { setGroup } from "./ownership.ts";

const DATA = "..data";
const DATA_NEW = "..data_tmp";
const SETGID = 0o2000;

/**
 * Readers see either the old files or the new ones. Does nothing when the content is what is there already, so that
 * watchers of the files wake only for changes.
 */
export async function writeAtomically(dir: string, payload: Payload, gid: number | undefined): Promise<void> {
  const old = await linkTarget(join(dir, DATA));
  if (old !== undefined && (await isSame(join(dir, old), payload, gid))) return;

  // Not a time: the name only has to be new.
  const next = `..${randomBytes(8).toString("hex")}`;
  const nextDir = join(dir, next);
  await mkdir(nextDir);
  await chmod(nextDir, 0o755);
  for (const [path, file] of payload) await writeOne(nextDir, path, file, gid);
  if (gid !== undefined) {
    // New files in the folders belong to the group as well.
    await setGroup(nextDir, gid, { readOnly: true });
    await chown(dir, -1, gid);
    await chmod(dir, ((await stat(dir)).mode & 0o7777) | SETGID);
  }
  await rm(join(dir, DATA_NEW), { force: true });
  await symlink(next, join(dir, DATA_NEW));
  await rename(join(dir, DATA_NEW), join(dir, DATA));
  await linkNames(dir, payload);
  if (old !== undefined) await rm(join(dir, old), { recursive: true, force: true });
}

async function writeOne(
  base: string,
  path: string,
  file: PayloadFile,
  gid: number | undefined,
): Promise<void> {
  const target = join(base, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, file.data);
  await chmod(target, modeOf(file, gid));
  if (file.uid !== undefined || gid !== undefined) await chown(target, file.uid ?? -1, gid ?? -1);
}

/** The volume is read-only: a group that owns it may read. */
function modeOf({ mode }: PayloadFile, gid: number | undefined): number {
  return gid === undefined ? mode : mode | 0o440;
}

/** The visible names are links into `..data`; those that are gone are removed last. */
async function linkNames(dir: string, payload: Payload): Promise<void> {
  const wanted = new Set([...payload.keys()].map((path) => path.split("/")[0]!));
  const present = (await readdir(dir)).filter((name) => !name.startsWith(".."));
  for (const name of wanted) {
    if (!present.includes(name)) await symlink(join(DATA, name), join(dir, name));
  }
  for (const name of present)
    if (!wanted.has(name)) await rm(join(dir, name), { recursive: true, force: true });
}

async function isSame(dir: string, payload: Payload, gid: number | undefined): Promise<boolean> {
  const paths = await filesBelow(dir, "");
  if (paths === undefined || paths.length !== payload.size) return false;
  for (const path of paths) {
    const file = payload.get(path);
    if (file === undefined) return false;
    const { mode } = await stat(join(dir, path));
    if ((mode & 0o7777) !== modeOf(file, gid)) return false;
    if (!(await readFile(join(dir, path))).equals(file.data)) return false;
  }
  return true;
}

async function filesBelow(dir: string, prefix: string): Promise<readonly string[] | undefined> {
  try {
    const entries = await readdir(join(dir, prefix), { withFileTypes: true });
    const lists = await Promise.all(
      entries.map((entry) => {
        const path = join(prefix, entry.name);
        return entry.isDirectory() ? filesBelow(dir, path) : Promise.resolve([path]);
      }),
    );
    return lists.flatMap((list) => list ?? []);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : undefined;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
}
