/** Files of pods on a Linux machine. Mounting is done by the `mount` and `umount` commands. @module */
import {
  access,
  chmod,
  chown,
  lchown,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import type { VolumeHost } from "../platform/platform.ts";
import { writeAtomically } from "./atomic-writer.ts";
import { checkHostPath } from "./host-path.ts";
import { isMountPoint, mountTmpfs, unmountBelow } from "./mounts.ts";
import { resolveSubPath } from "./subpath.ts";

/** Files chowned at the same time. */
const WALK_PARALLEL = 16;

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
    writePayload: writeAtomically,
    async writeFile(path, data, mode) {
      const old = await readFile(path, "utf8").catch(() => undefined);
      if (old === data) return;
      await mkdir(dirname(path), { recursive: true, mode: 0o750 });
      await writeFile(path, data);
      await chmod(path, mode);
    },
    async readFile(path, bytesMax) {
      await using file = await open(path);
      const { bytesRead, buffer } = await file.read(Buffer.alloc(bytesMax), 0, bytesMax, 0);
      return buffer.toString("utf8", 0, bytesRead);
    },
    async mountTmpfs(path, sizeBytes) {
      if (!(await isMountPoint(path))) await mountTmpfs(path, sizeBytes);
    },
    setGroup,
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

/** Upstream's SetVolumeOwnership: the group may read and write, and new files inherit it. */
async function setGroup(path: string, gid: number): Promise<void> {
  const info = await lstat(path);
  if (info.isSymbolicLink()) return lchown(path, -1, gid);
  await chown(path, -1, gid);
  if (!info.isDirectory()) {
    await chmod(path, info.mode | 0o660);
    return;
  }
  await chmod(path, ((await stat(path)).mode & 0o7777) | 0o2770);
  const names = await readdir(path);
  for (let at = 0; at < names.length; at += WALK_PARALLEL) {
    const slice = names.slice(at, at + WALK_PARALLEL);
    await Promise.all(slice.map((name) => setGroup(join(path, name), gid)));
  }
}
