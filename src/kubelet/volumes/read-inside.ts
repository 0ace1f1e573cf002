/** Reads a file of a volume as a process would whose root the volume is: no path and no link leads out of it. @module */
import { readlink, realpath } from "node:fs/promises";
import { join } from "node:path";
import type { FileInside } from "../platform/platform.ts";
import { openInside, readAtMost, reopenRegular } from "./open-inside.ts";

/** As filepath-securejoin, which upstream resolves such paths with. */
const LINKS_MAX = 255;

/** Throws unless it is a regular file of at most `bytesMax`. */
export async function readInside(volumePath: string, path: string, bytesMax: number): Promise<FileInside> {
  const root = await realpath(volumePath);
  const parts = await resolveLinks(root, path);
  // Whoever puts a link in the way meanwhile is refused.
  await using place = await openInside(root, parts);
  await using file = await reopenRegular(place);
  const data = await readAtMost(file, bytesMax + 1);
  if (data.length > bytesMax) throw new Error(`${path} is larger than ${bytesMax} bytes`);
  return { path: join(root, ...parts), data };
}

/** `..` and absolute links begin at the root again; what is missing is left for who opens it. */
async function resolveLinks(root: string, path: string): Promise<readonly string[]> {
  const left = partsOf(path);
  const at: string[] = [];
  let links = 0;
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === "..") {
      at.pop();
      continue;
    }
    const target = await linkTarget(join(root, ...at, part));
    if (target === undefined) {
      at.push(part);
      continue;
    }
    if (++links > LINKS_MAX) throw new Error(`${path} has more than ${LINKS_MAX} links`);
    if (target.startsWith("/")) at.length = 0;
    left.unshift(...partsOf(target));
  }
  return at;
}

const partsOf = (path: string): string[] => path.split("/").filter((part) => part !== "" && part !== ".");

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (err) {
    if (["EINVAL", "ENOENT", "ENOTDIR"].includes((err as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw err;
  }
}
