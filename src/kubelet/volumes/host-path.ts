/** The types of hostPath volumes. @module */
import { chmod, mkdir, open, stat } from "node:fs/promises";
import type { Stats } from "node:fs";
import { dirname } from "node:path";

/** Throws with upstream's words unless `path` is what `type` says; `…OrCreate` types make it first. */
export async function checkHostPath(path: string, type: string): Promise<void> {
  if (type === "") return ensure(path);
  if (type === "DirectoryOrCreate" || type === "FileOrCreate") {
    await create(path, type);
    return;
  }
  const info = await statOrUndefined(path);
  if (info !== undefined && matches(info, type)) return;
  throw new Error(`hostPath type check failed: ${path} is not a ${NAMES[type] ?? type}`);
}

const NAMES: Readonly<Record<string, string>> = {
  Directory: "directory",
  File: "file",
  Socket: "socket file",
  CharDevice: "character device",
  BlockDevice: "block device",
  DirectoryOrCreate: "directory",
  FileOrCreate: "file",
};

/** Without a type nothing is checked; the runtime makes a missing folder, and so do we, to mount it. */
async function ensure(path: string): Promise<void> {
  if ((await statOrUndefined(path)) === undefined) await mkdir(path, { recursive: true });
}

async function create(path: string, type: string): Promise<void> {
  const info = await statOrUndefined(path);
  if (info !== undefined) {
    const wanted = type === "FileOrCreate" ? info.isFile() : info.isDirectory();
    if (!wanted) throw new Error(`hostPath type check failed: ${path} is not a ${NAMES[type]}`);
    return;
  }
  if (type === "DirectoryOrCreate") {
    await mkdir(path, { recursive: true });
    await chmod(path, 0o755);
    return;
  }
  if ((await statOrUndefined(dirname(path))) === undefined) {
    throw new Error(`hostPath type check failed: ${dirname(path)} does not exist`);
  }
  await using file = await open(path, "a");
  await file.chmod(0o644);
}

function matches(info: Stats, type: string): boolean {
  switch (type) {
    case "Directory":
      return info.isDirectory();
    case "File":
      return info.isFile();
    case "Socket":
      return info.isSocket();
    case "CharDevice":
      return info.isCharacterDevice();
    case "BlockDevice":
      return info.isBlockDevice();
    default:
      return false;
  }
}

async function statOrUndefined(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
}
