/**
 * Opens what a container may have put there or may be changing meanwhile: no link is followed, and what is no file is not
 * even opened, for opening alone waits with a FIFO, and does something with some devices.
 * @module
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** Linux's O_PATH, which Node does not name: a place in the tree, not an open file. */
const O_PATH = 0o10000000;
/** The thing itself, whatever it is, also when it is a link. */
export const LOCATE: number = O_PATH | constants.O_NOFOLLOW;

/** The path that stands for exactly what is open, whatever its names have become. */
export function pathOf({ fd }: FileHandle): string {
  return `/proc/self/fd/${fd}`;
}

/** Locates what lies below `root`, step by step; throws if one of `parts` is a link. */
export async function openInside(root: string, parts: readonly string[]): Promise<FileHandle> {
  let handle = await open(root, LOCATE);
  for (const part of parts) {
    const parent = handle;
    try {
      handle = await open(`${pathOf(parent)}/${part}`, LOCATE);
    } finally {
      await parent.close();
    }
    if ((await handle.stat()).isSymbolicLink()) {
      await handle.close();
      throw new Error(`unexpected symlink found at ${part}`);
    }
  }
  return handle;
}

/** Opens a file for reading; throws unless it is a regular one. */
export async function openRegular(path: string, links: "refuse" | "follow" = "refuse"): Promise<FileHandle> {
  await using place = await open(path, links === "follow" ? O_PATH : LOCATE);
  return await reopenRegular(place);
}

/** Opens for reading what was located before. */
export async function reopenRegular(place: FileHandle): Promise<FileHandle> {
  if (!(await place.stat()).isFile()) throw new Error("not a regular file");
  return open(pathOf(place), constants.O_RDONLY | constants.O_NONBLOCK);
}

/** So many bytes at most, however fast the file grows. */
export async function readAtMost(file: FileHandle, bytesMax: number, position = 0): Promise<Buffer> {
  const buffer = Buffer.alloc(bytesMax);
  let filled = 0;
  while (filled < bytesMax) {
    const { bytesRead } = await file.read(buffer, filled, bytesMax - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
