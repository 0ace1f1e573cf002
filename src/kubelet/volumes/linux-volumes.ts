/** Files of pods on a Linux machine. Mounting is done by the `mount` and `umount` commands. @module */
import {
  access,
  chmod,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  unlink,
  writeFile,
} from "node:fs/promises";
import { dirname } from "node:path";
import type { VolumeHost } from "../platform/platform.ts";
import { writeAtomically } from "./atomic-writer.ts";
import { checkHostPath } from "./host-path.ts";
import { fsUsage } from "./fs-usage.ts";
import { formatAndMount } from "./format-device.ts";
import { isMountPoint, mount, mountTmpfs, unmountBelow } from "./mounts.ts";
import { openRegular, readAtMost } from "./open-inside.ts";
import { setGroup } from "./ownership.ts";
import { readInside } from "./read-inside.ts";
import { resolveSubPath } from "./subpath.ts";

const PERMISSIONS = 0o777;

export function linuxVolumes(): VolumeHost {
  return {
    async makeDir(path, mode) {
      await mkdir(dirname(path), { recursive: true, mode: 0o750 });
      try {
        await mkdir(path);
      } catch (err) {
        if ((err as NodeJS.ErrnoException).code !== "EEXIST") throw err;
        return;
      }
      // mkdir's mode is cut by the umask.
      await chmod(path, mode);
    },
    async setMode(path, mode) {
      if (((await lstat(path)).mode & PERMISSIONS) !== mode) await chmod(path, mode);
    },
    writePayload: writeAtomically,
    async writeFile(path, data, mode) {
      if (await hasContent(path, Buffer.from(data))) return;
      await mkdir(dirname(path), { recursive: true, mode: 0o750 });
      await writeFile(path, data);
      await chmod(path, mode);
    },
    async readFile(path, bytesMax) {
      await using file = await open(path);
      return (await readAtMost(file, bytesMax)).toString("utf8");
    },
    readInside,
    async mountTmpfs(path, sizeBytes) {
      if (!(await isMountPoint(path))) await mountTmpfs(path, sizeBytes);
    },
    mount,
    formatAndMount,
    isMounted: isMountPoint,
    unmountBelow,
    setGroup,
    isBlockDevice: async (path) => (await stat(path)).isBlockDevice(),
    async link(target, path) {
      await mkdir(dirname(path), { recursive: true, mode: 0o750 });
      await rm(`${path}.new`, { force: true });
      await symlink(target, `${path}.new`);
      await rename(`${path}.new`, path);
    },
    remove: (path) => unlessMissing(removeOne(path)),
    usage: fsUsage,
    checkHostPath,
    resolveSubPath,
    exists: (path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    async list(path) {
      try {
        return await readdir(path);
      } catch (err) {
        if ((err as NodeJS.ErrnoException).code === "ENOENT") return [];
        throw err;
      }
    },
    async removeTree(path) {
      await unmountBelow(path);
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** A container may have written more into its file than there is memory for. */
async function hasContent(path: string, wanted: Buffer): Promise<boolean> {
  try {
    await using file = await openRegular(path);
    return (await readAtMost(file, wanted.length + 1)).equals(wanted);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw err;
  }
}

async function removeOne(path: string): Promise<void> {
  await ((await lstat(path)).isDirectory() ? rmdir(path) : unlink(path));
}

async function unlessMissing(doing: Promise<void>): Promise<void> {
  try {
    await doing;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ENOENT") throw err;
  }
}
